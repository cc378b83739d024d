package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.Access;
import io.plumbline.node.gateway.Answerers;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LostException;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tenants with a budget pay for nodes that are in their prompts, or fail; each node is scripted. */
@Timeout(120)
class ChargedAnswersTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long PRICE = 3;
    private static final long BUDGET = 1_000_000;

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Scripted nodes = new Scripted();
    private LanguageEngine language;
    private ApiServer server;
    private String key;

    /** One node that is asked, begins when it is let, and has its prompt computed when it is told to end. */
    private final class Scripted implements Answerers, Answerers.Answerer {
        private final CountDownLatch asked = new CountDownLatch(1);
        private final CountDownLatch mayBegin = new CountDownLatch(1);
        private final AtomicInteger number = new AtomicInteger();
        private final AtomicLong paid = new AtomicLong();
        private final KeyPair keys = KeyPair.random();
        private volatile Answerer engine;
        private volatile Bytes32 failed;

        /** The cost of the first answer, which fails after a token; null where it does not. */
        private volatile CompletableFuture<Long> costOfFailed;

        /** Of the first answer: it has not begun when it is told to end, and costs nothing. */
        private volatile boolean isFirstWaiting;

        /** The price in its receipts; null for its own. */
        private volatile Long asks;

        /** The amount that the ledger takes of it, once completed; null for what it has told. */
        private volatile CompletableFuture<Long> settled;

        private volatile long fee;
        private final List<String> lies = new CopyOnWriteArrayList<>();

        @Override
        public Bytes32 requester() {
            return keys.publicKey();
        }

        @Override
        public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) {
            return this;
        }

        @Override
        public void answered(Receipt receipt, int units) {}

        @Override
        public long mostPrice() {
            return PRICE;
        }

        @Override
        public long hedgeMs() {
            return 0;
        }

        @Override
        public boolean isWell() {
            return true;
        }

        @Override
        public boolean hasModel(Bytes32 modelId) {
            return true;
        }

        @Override
        public Bytes32 key() {
            return keys.publicKey();
        }

        @Override
        public long price() {
            return PRICE;
        }

        @Override
        public AnswerStream infer(
                Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
                throws IOException {
            boolean isFirst = number.getAndIncrement() == 0;
            boolean isWaiting = isFirst && isFirstWaiting;
            asked.countDown();
            try {
                mayBegin.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            if (isFirst && costOfFailed != null) {
                failed = request.hash();
                DeliveredTokens one = new DeliveredTokens(request.maxTokens(), vocab);
                one.add(1, () -> onToken.accept(new ChosenToken(1, null)));
                return new Failing(one);
            }
            if (asks != null) {
                return new Repriced(engine.infer(request, tokens, level, vocab, topLogprobs, onToken), keys, asks);
            }
            AnswerStream computed =
                    isWaiting ? null : engine.infer(request, tokens, level, vocab, topLogprobs, token -> {});
            return new InItsPrompt(computed, new DeliveredTokens(request.maxTokens(), vocab));
        }

        @Override
        public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException {
            throw new IOException("It has no ONNX model.");
        }

        @Override
        public long fee(Level level, long units) {
            return fee;
        }

        @Override
        public CompletableFuture<Long> settledCost(Bytes32 requestHash, long fee, Receipt told) {
            if (requestHash.equals(failed)) {
                return costOfFailed;
            }
            return settled != null ? settled : CompletableFuture.completedFuture(told == null ? 0 : told.price() + fee);
        }

        @Override
        public void refused(Exception why) {}

        @Override
        public void lied(String why) {
            lies.add(why);
        }
    }

    /** An answer whose receipt asks for another price. */
    private record Repriced(AnswerStream honest, KeyPair keys, long price) implements AnswerStream {
        @Override
        public DeliveredTokens delivered() {
            return honest.delivered();
        }

        @Override
        public NodeClient.Answered await() throws IOException {
            NodeClient.Answered answered = honest.await();
            Receipt receipt = answered.receipt();
            return new NodeClient.Answered(
                    answered.answer(),
                    new Receipt(
                                    receipt.contractVersion(),
                                    receipt.modelId(),
                                    receipt.requestHash(),
                                    receipt.outputHash(),
                                    receipt.traceRoot(),
                                    receipt.traceBytes(),
                                    receipt.promptTokens(),
                                    receipt.outputTokens(),
                                    price,
                                    null,
                                    null)
                            .sign(keys),
                    answered.cpuNanos());
        }

        @Override
        public void cancel() {
            honest.cancel();
        }

        @Override
        public void close() {
            honest.close();
        }
    }

    /** An answer that ends without a receipt. */
    private record Failing(DeliveredTokens delivered) implements AnswerStream {
        @Override
        public NodeClient.Answered await() throws IOException {
            throw new LostException("The node has gone.");
        }

        @Override
        public void cancel() {}

        @Override
        public void close() {}
    }

    /** An answer whose first token comes after it was told to end. */
    private final class InItsPrompt implements AnswerStream {
        private final AnswerStream computed;
        private final DeliveredTokens delivered;
        private final CountDownLatch told = new CountDownLatch(1);
        private volatile boolean isClosed;

        InItsPrompt(AnswerStream computed, DeliveredTokens delivered) {
            this.computed = computed;
            this.delivered = delivered;
        }

        @Override
        public DeliveredTokens delivered() {
            return delivered;
        }

        @Override
        public NodeClient.Answered await() throws IOException {
            try {
                told.await();
                if (computed == null) {
                    throw new IOException("The request was cancelled before its first token.");
                }
                NodeClient.Answered answered = computed.await();
                nodes.paid.addAndGet(answered.receipt().price());
                Thread.sleep(300);
                if (isClosed) {
                    throw new LostException("It was given up.");
                }
                for (int token : answered.answer().tokens()) {
                    delivered.add(token, () -> {});
                }
                return answered;
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }

        @Override
        public void cancel() {
            told.countDown();
        }

        @Override
        public void close() {
            isClosed = true;
            told.countDown();
        }
    }

    @BeforeEach
    void start() throws IOException {
        Path model;
        try (LoadedModel loaded = TestModels.load(TestModels.SHIPPED, folder)) {
            model = loaded.folder();
        }
        Path keys = folder.resolve("api-keys.json");
        key = TenantFile.add(keys, "app", Quota.UNLIMITED, BUDGET, Set.of(), "2026-11-27");
        language = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(1, 64 << 20),
                LoadedModel::layers,
                nodes.keys,
                PRICE,
                null,
                new Events(new PrintStream(PrintStream.nullOutputStream())));
        nodes.engine = new LocalLanguage(language, nodes.keys, new ReceiptLog(folder.resolve("log")));
        server = new ApiServer(
                nodes,
                new FileSources(List.of()),
                Map.of("stories", model),
                Level.SIGNED,
                new ApiServer.Place(
                        "localhost", 0, Origins.LOCAL, new Access(new Tenants(keys, folder, 4, event -> {}), null)),
                routes -> {},
                Throwable::printStackTrace);
    }

    @AfterEach
    void stop() {
        nodes.mayBegin.countDown();
        server.close();
        language.close();
        http.close();
    }

    private JsonNode usage() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + "/v1/usage"))
                .header("Authorization", "Bearer " + key)
                .build();
        return MAPPER.readTree(
                http.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    private long left() throws IOException, InterruptedException {
        return usage().path("budget").path("left").asLong();
    }

    /** Asks, and is gone before the first byte of an answer. */
    private void askAndGo(String more) throws Exception {
        String body =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}],\"max_tokens\":1" + more + "}";
        try (Socket socket = new Socket("localhost", server.port())) {
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key
                                    + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            assertTrue(nodes.asked.await(120, TimeUnit.SECONDS));
            // The connection is reset, which a write to it is told of.
            socket.setSoLinger(true, 0);
        }
        Thread.sleep(200);
        nodes.mayBegin.countDown();
    }

    private void assertChargedWhatTheNodeIsPaid() throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while ((left() == BUDGET || usage().path("total").path("answers").asLong() == 0) && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        long paid = nodes.paid.get();
        assertTrue(paid > PRICE, "the node is paid for its prompt: " + paid);
        assertEquals(BUDGET - paid, left());
        assertEquals(paid, usage().path("total").path("cost").asLong());
    }

    @Test
    void aClientThatGoesBeforeTheFirstTokenPaysForThePrompt() throws Exception {
        askAndGo(",\"stream\":true");
        assertChargedWhatTheNodeIsPaid();
    }

    @Test
    void aChoiceThatHadNotBegunSavesAClientThatGoesNothingOfTheOther() throws Exception {
        nodes.isFirstWaiting = true;
        askAndGo(",\"n\":2");
        assertChargedWhatTheNodeIsPaid();
    }

    @Test
    void anAnswerThatFailsIsChargedWhatItsNodeIsPaidOnTheLedgerAllTheSame() throws Exception {
        for (long paid : new long[] {27, 0, Long.MAX_VALUE}) {
            long before = left();
            nodes.number.set(0);
            nodes.costOfFailed = new CompletableFuture<>();
            nodes.mayBegin.countDown();
            HttpRequest request = HttpRequest.newBuilder(
                            URI.create("http://localhost:" + server.port() + "/v1/chat/completions"))
                    .header("Authorization", "Bearer " + key)
                    .POST(HttpRequest.BodyPublishers.ofString("{\"messages\":[{\"role\":\"user\",\"content\":"
                            + "\"Tell me a story.\"}],\"max_tokens\":100,\"stream\":true}"))
                    .build();
            String stream =
                    http.send(request, HttpResponse.BodyHandlers.ofString()).body();
            assertTrue(stream.contains("The node has gone."), stream);
            long held = before - left();
            assertTrue(held >= 100 * PRICE, held + " held, until the ledger says what becomes of it");
            nodes.costOfFailed.complete(paid);
            assertEquals(before - Math.min(held, paid), left());
        }
    }

    private HttpResponse<String> ask() throws IOException, InterruptedException {
        return ask("signed", 8);
    }

    private HttpResponse<String> ask(String level, int most) throws IOException, InterruptedException {
        nodes.mayBegin.countDown();
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + server.port() + "/v1/chat/completions"))
                .header("Authorization", "Bearer " + key)
                .POST(HttpRequest.BodyPublishers.ofString("{\"messages\":[{\"role\":\"user\",\"content\":"
                        + "\"Tell me a story.\"}],\"max_tokens\":" + most + ",\"temperature\":0,\"stop\":[\" a\"],"
                        + "\"plumbline\":{\"level\":\"" + level + "\"}}"))
                .build();
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    /** The ledger takes none of these, or a whole one beside them: what the client pays must not follow them. */
    @Test
    void aReceiptOverMoreThanTheAnswerCostsOrLessThanNothingIsNone() throws Exception {
        for (long price : new long[] {1_000_000, -5, Long.MIN_VALUE, Long.MAX_VALUE}) {
            nodes.asks = price;
            nodes.settled = new CompletableFuture<>();
            nodes.lies.clear();
            long before = left();
            HttpResponse<String> answer = ask();
            assertTrue(answer.statusCode() >= 500, answer.body());
            assertTrue(nodes.lies.getFirst().contains("signed a receipt over " + price), nodes.lies.toString());
            assertTrue(left() < before, "all of it is held, until the ledger says what becomes of it");
            nodes.settled.complete(0L);
            assertEquals(before, left());
        }
    }

    /** A node and a client that share what the gateway loses: the receipt that the gateway sees is not the ledger's. */
    @Test
    void anAnswerAtLessThanItsPriceCostsWhatTheLedgerTakesForIt() throws Exception {
        nodes.asks = 0L;
        nodes.fee = 7;
        for (long paid : new long[] {30, 0}) {
            nodes.settled = new CompletableFuture<>();
            long before = left();
            assertEquals(200, ask().statusCode());
            assertTrue(left() <= before - 30, "what it may cost is held: " + (before - left()));
            nodes.settled.complete(paid + 7);
            assertEquals(before - paid - 7, left());
        }
        assertEquals(30 + 2 * 7, usage().path("total").path("cost").asLong());
    }

    /** One that ends at once, by a stop token, while the ledger has the long answer to the same request. */
    @Test
    void anAnswerShorterThanMightBeCostsWhatTheLedgerTakesForIt() throws Exception {
        nodes.asks = PRICE;
        nodes.settled = new CompletableFuture<>();
        HttpResponse<String> answer = ask("full", 300);
        assertEquals(200, answer.statusCode(), answer.body());
        long held = BUDGET - left();
        assertTrue(held > 250 * PRICE, "what the longest answer would cost is held: " + held);
        nodes.settled.complete(900L);
        assertEquals(BUDGET - 900, left());
        assertEquals(900, usage().path("total").path("cost").asLong());
        nodes.settled = CompletableFuture.completedFuture(Long.MAX_VALUE);
        long before = left();
        assertEquals(200, ask("full", 300).statusCode());
        assertEquals(before - held, left(), "no more than was put up");
        assertEquals(900 + held, usage().path("total").path("cost").asLong());
    }

    /** An answer that was ended early, of which the node hands in the whole. */
    @Test
    void aCutAnswerCostsWhatTheLedgerTakesForIt() throws Exception {
        nodes.settled = new CompletableFuture<>();
        askAndGo(",\"stream\":true");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (usage().path("total").path("answers").asLong() == 0 && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        assertTrue(nodes.paid.get() > 0);
        long most = BUDGET - left();
        assertTrue(most > 0, "all of it is held");
        nodes.settled.complete(most);
        assertEquals(BUDGET - most, left());
        assertEquals(most, usage().path("total").path("cost").asLong());
    }

    @Test
    void aRequestsFeesAreHeldAndCharged() throws Exception {
        nodes.asks = null;
        nodes.fee = 1_000;
        askAndGo(",\"stream\":true");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (usage().path("total").path("answers").asLong() == 0 && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        assertEquals(BUDGET - nodes.paid.get() - 1_000, left());
        nodes.fee = BUDGET;
        assertEquals(402, ask().statusCode(), "more than the budget has left");
    }
}
