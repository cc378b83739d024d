package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.http.HttpLimits;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.HttpServer;
import io.plumbline.node.http.Origins;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Payers;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls over HTTP that are paid on a ledger's real state machine; the full node that is asked may fail. */
@Timeout(120)
class PayPerCallTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long MONEY = 100_000;

    /** The most that a call may cost, and what it does cost. */
    private static final long MOST = 500;

    private static final long COST = 120;

    private static final KeyPair PAYER = KeyPair.random();
    private static final KeyPair OTHER = KeyPair.random();
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final List<KeyPair> FULL =
            IntStream.range(0, 4).mapToObj(i -> KeyPair.random()).toList();
    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(KeyPair::publicKey).toList(),
            10_000,
            Bytes32.ZERO,
            List.of(
                    new Genesis.Deposit(PAYER.publicKey(), MONEY),
                    new Genesis.Deposit(OTHER.publicKey(), MONEY),
                    new Genesis.Deposit(GATEWAY.publicKey(), MONEY)),
            Parameters.DEFAULT);
    private static final String NETWORK = CallPayment.network(GENESIS.hash());

    @TempDir
    Path folder;

    private static final HttpClient http = HttpClient.newHttpClient();
    private final FailingLedger ledger = new FailingLedger();
    private final AtomicInteger served = new AtomicInteger();
    private PayPerCall calls;
    private LedgerCredit credit;
    private HttpServer server;

    /** The outcome of the next command. */
    private enum Fate {
        /** It is ordered, and its block signed. */
        CERTIFIED,
        /** It comes to no full node. */
        LOST,
        /** It is ordered and its block signed, and the answer comes to nobody. */
        UNANSWERED
    }

    /** A ledger whose blocks are signed as they are filled. */
    private static final class FailingLedger implements Sequencer {
        private final MemorySequencer ledger = new MemorySequencer(GENESIS, 1_000_000);
        private Fate fate = Fate.CERTIFIED;
        private int submitted;

        FailingLedger() {
            ledger.join(new Replica.Listener() {
                @Override
                public void onAudit(Settlement changed, Node node) {}

                @Override
                public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}
            });
        }

        synchronized void next(Fate next) {
            fate = next;
        }

        synchronized int submitted() {
            return submitted;
        }

        synchronized long balance(KeyPair of) {
            return ledger.state(0).account(of.publicKey()).balance();
        }

        @Override
        public synchronized Answer submit(byte[] signed) throws IOException {
            Fate now = fate;
            fate = Fate.CERTIFIED;
            if (now == Fate.LOST) {
                throw new IOException("The ledger does not answer.");
            }
            submitted++;
            Answer answer = ledger.submit(signed);
            certify();
            if (now == Fate.UNANSWERED) {
                throw new IOException("The ledger does not answer.");
            }
            return answer;
        }

        private void certify() {
            ledger.advance(60);
            BlockHeader open = ledger.state(0).blocks().open();
            if (open == null) {
                return;
            }
            for (KeyPair full : FULL.subList(0, 3)) {
                byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
                Command vote = new Command.CastVote(full.publicKey(), 0, open.number(), open.hash(), signature);
                ledger.submit(Signed.of(GENESIS.hash(), full, ledger.timeMs() + 60_000, vote)
                        .encode());
            }
        }

        @Override
        public synchronized byte[] ask(Query query, byte[] key) {
            return ledger.ask(query, key);
        }

        @Override
        public synchronized long timeMs() {
            return ledger.timeMs();
        }

        @Override
        public void close() {}
    }

    @BeforeEach
    void start() throws IOException {
        LedgerClient client = new LedgerClient(ledger, GATEWAY, GENESIS.hash());
        calls = new PayPerCall(
                client,
                new LedgerFees(new CertifiedSettlements(client, GENESIS), e -> {}),
                GENESIS.hash(),
                GATEWAY,
                new Payers(folder, 2),
                false);
        credit = new LedgerCredit(
                client, GENESIS, List.of(calls), new Events(new PrintStream(PrintStream.nullOutputStream())));
        calls.onAwaited(credit::hurry);
        credit.start();
        HttpRoutes routes = new HttpRoutes()
                .post(
                        "/call",
                        calls.guard(
                                "/call",
                                http -> Http.guarded(http, Http::openAi, () -> {
                                    Admission admission = Admission.of(http);
                                    admission.begin(http, 1, 10, MOST);
                                    served.incrementAndGet();
                                    admission.used(new Usage(1, 4, 6, COST));
                                    admission.tell(http);
                                    http.send(200, new byte[0]);
                                })))
                .post(
                        "/dear",
                        calls.guard(
                                "/dear",
                                http -> Http.guarded(http, Http::openAi, () -> {
                                    Admission.of(http).begin(http, 1, 10, 10 * MOST);
                                    http.send(200, new byte[0]);
                                })))
                .post(
                        "/free",
                        calls.guard(
                                "/free",
                                http -> Http.guarded(http, Http::openAi, () -> {
                                    Admission.of(http).begin(http, 1, 10, 0);
                                    served.incrementAndGet();
                                    Admission.of(http).used(Usage.NONE);
                                    http.send(200, new byte[0]);
                                })))
                .post(
                        "/failing",
                        calls.guard(
                                "/failing",
                                http -> Http.guarded(http, Http::openAi, () -> {
                                    Admission.of(http).begin(http, 1, 10, MOST);
                                    throw new IOException("No node answers.");
                                })));
        server = HttpServer.start(
                "localhost",
                0,
                routes,
                Http::refusal,
                HttpLimits.ofBodies(1 << 20),
                Origins.LOCAL,
                null,
                Throwable::printStackTrace);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        credit.close();
        calls.close();
    }

    private HttpResponse<String> post(String path, String payment) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + path))
                .POST(HttpRequest.BodyPublishers.noBody());
        if (payment != null) {
            request.header(CallPayment.HEADER, payment);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private int metrics(Access access) throws Exception {
        Answerers none = (Answerers) Proxy.newProxyInstance(
                Answerers.class.getClassLoader(), new Class<?>[] {Answerers.class}, (proxy, method, given) -> null);
        ApiServer.Place place = new ApiServer.Place(
                "localhost", 0, Origins.LOCAL, access, more -> more.get("/metrics", to -> to.send(200, new byte[0])));
        try (ApiServer api =
                new ApiServer(none, null, Map.of(), Level.SIGNED, place, more -> {}, Throwable::printStackTrace)) {
            URI uri = URI.create("http://localhost:" + api.port() + "/metrics");
            return http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        }
    }

    /** Strangers are meant to come and pay; what the process measures is its operator's. */
    @Test
    void metricsAreNotShownToThoseWhoPay() throws Exception {
        assertEquals(200, metrics(Access.open()));
        assertEquals(404, metrics(Access.open().paidBy(calls)));
    }

    private JsonNode offer(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = post(path, null);
        assertEquals(402, response.statusCode());
        return MAPPER.readTree(response.body()).path("accepts").path(0);
    }

    private byte[] reference(String path) throws IOException, InterruptedException {
        return HexFormat.of()
                .parseHex(offer(path).path("extra").path("reference").asText());
    }

    private CallPayment.Transfer transfer(KeyPair payer, KeyPair payee, long amount, Bytes32 reference) {
        Command.Transfer transfer = new Command.Transfer(payee.publicKey(), amount, reference);
        return new CallPayment.Transfer(Signed.of(GENESIS.hash(), payer, ledger.timeMs() + 60_000, transfer), transfer);
    }

    private String paying(long amount, Bytes32 reference) {
        return transfer(PAYER, GATEWAY, amount, reference).header(NETWORK);
    }

    private String spending(KeyPair payer, Bytes32 reference) {
        return CallPayment.Credit.of(payer, GATEWAY.publicKey(), reference, MOST)
                .header(NETWORK);
    }

    private long left() {
        return calls.left(PAYER.publicKey());
    }

    private static JsonNode told(HttpResponse<String> response) throws IOException {
        String header = response.headers()
                .firstValue(CallPayment.RESPONSE_HEADER)
                .orElseThrow(() -> new AssertionError(response.statusCode() + " " + response.body()));
        return MAPPER.readTree(Base64.getDecoder().decode(header));
    }

    private void assertRefused(String header, String why) throws Exception {
        int before = served.get();
        int ordered = ledger.submitted();
        HttpResponse<String> response = post("/call", header);
        assertEquals(402, response.statusCode(), response.body());
        JsonNode body = MAPPER.readTree(response.body());
        assertTrue(body.path("error").path("message").asText().contains(why), response.body());
        assertEquals(1, body.path("accepts").size(), "it says how to pay");
        assertEquals(before, served.get());
        assertEquals(ordered, ledger.submitted(), "nothing comes to the ledger");
    }

    @Test
    void aCallIsPaidOnTheLedgerAndWhatItDidNotCostPaysTheNext() throws Exception {
        JsonNode offer = offer("/call");
        assertEquals("plumbline-transfer", offer.path("scheme").asText());
        assertEquals(NETWORK, offer.path("network").asText());
        assertEquals(Long.toString(MOST), offer.path("maxAmountRequired").asText());
        assertEquals(GATEWAY.publicKey().toString(), offer.path("payTo").asText());
        assertEquals(
                "http://localhost:" + server.port() + "/call",
                offer.path("resource").asText());
        assertEquals(120, offer.path("maxTimeoutSeconds").asInt());
        HttpResponse<String> paid = post("/call", paying(MOST, Bytes32.of(reference("/call"))));
        assertEquals(200, paid.statusCode(), paid.body());
        JsonNode told = told(paid);
        assertTrue(told.path("success").asBoolean());
        assertEquals(64, told.path("transaction").asText().length());
        assertEquals(PAYER.publicKey().toString(), told.path("payer").asText());
        assertEquals(COST, told.path("extra").path("used").asLong());
        assertEquals(MOST - COST, told.path("extra").path("left").asLong());
        assertEquals(MONEY + MOST, ledger.balance(GATEWAY));
        // The next one costs less on the ledger, and one that the credit covers costs nothing there.
        HttpResponse<String> next = post("/call", paying(2 * MOST, Bytes32.of(reference("/call"))));
        assertEquals(3 * MOST - 2 * COST, told(next).path("extra").path("left").asLong());
        int ordered = ledger.submitted();
        HttpResponse<String> spent = post("/call", spending(PAYER, Bytes32.of(reference("/call"))));
        assertEquals(200, spent.statusCode(), spent.body());
        assertEquals("", told(spent).path("transaction").asText());
        assertEquals(3 * MOST - 3 * COST, left());
        assertEquals(ordered, ledger.submitted());
    }

    @Test
    void whatPaysForNothingIsRefusedBeforeMoneyMoves() throws Exception {
        Bytes32 reference = Bytes32.of(reference("/call"));
        assertRefused(paying(MOST - 1, reference), "it pays 499, and the account's credit is 0");
        assertRefused(transfer(PAYER, OTHER, MOST, reference).header(NETWORK), "another account");
        assertRefused(paying(MOST, Bytes32.ZERO), "none that this gateway has named");
        Bytes32 changed = new Bytes32(reference.a() ^ 1, reference.b(), reference.c(), reference.d());
        assertRefused(paying(MOST, changed), "none that this gateway has named");
        assertRefused(paying(20 * MOST, Bytes32.of(reference("/dear"))), "another call's quote");
        CallPayment.Transfer sound = transfer(PAYER, GATEWAY, MOST, reference);
        Signed signed = sound.signed();
        byte[] forged = signed.signature().clone();
        forged[5] ^= 1;
        Signed unsigned = new Signed(signed.signer(), signed.nonce(), signed.lastMs(), signed.body(), forged);
        assertRefused(new CallPayment.Transfer(unsigned, sound.transfer()).header(NETWORK), "signature");
        // Another's money, signed for by the one that asks.
        Signed stolen =
                new Signed(OTHER.publicKey(), signed.nonce(), signed.lastMs(), signed.body(), signed.signature());
        assertRefused(new CallPayment.Transfer(stolen, sound.transfer()).header(NETWORK), "signature");
        Signed endless = Signed.of(GENESIS.hash(), PAYER, Long.MAX_VALUE, sound.transfer());
        assertRefused(new CallPayment.Transfer(endless, sound.transfer()).header(NETWORK), "the ledger would take it");
        Signed two = Signed.of(GENESIS.hash(), PAYER, signed.lastMs(), sound.transfer(), sound.transfer());
        assertRefused(new CallPayment.Transfer(two, sound.transfer()).header(NETWORK), "one payment and nothing else");
        for (String garbage : List.of(
                "x",
                "e30=",
                Base64.getEncoder().encodeToString("[1,".getBytes(StandardCharsets.UTF_8)),
                sound.header("plumbline:00"),
                Base64.getEncoder()
                        .encodeToString(("{\"x402Version\":1,\"scheme\":\"plumbline-transfer\",\"network\":\"" + NETWORK
                                        + "\",\"payload\":{\"transfer\":\"00ff\"}}")
                                .getBytes(StandardCharsets.UTF_8)))) {
            assertRefused(garbage, CallPayment.HEADER);
        }
        assertRefused(spending(PAYER, reference), "credit is 0");
        int before = ledger.submitted();
        assertRefused(transfer(KeyPair.random(), GATEWAY, MOST, reference).header(NETWORK), "has 0 on the ledger");
        assertEquals(before, ledger.submitted(), "nothing is ordered for a key without money");
        assertEquals(MONEY, ledger.balance(PAYER));
        assertEquals(0, left());
        assertEquals(200, post("/call", sound.header(NETWORK)).statusCode(), "the quote stands as before");
    }

    /** As of a client that names 0 as the highest price it pays. */
    @Test
    void aCallOfNothingIsNotPaidByAKeyThatHasPaidNothing() throws Exception {
        KeyPair made = KeyPair.random();
        Bytes32 reference = Bytes32.of(reference("/free"));
        for (long most : new long[] {0, 1}) {
            String header = CallPayment.Credit.of(made, GATEWAY.publicKey(), reference, most)
                    .header(NETWORK);
            HttpResponse<String> response = post("/free", header);
            assertEquals(402, response.statusCode(), response.body());
            assertTrue(response.body().contains("credit is 0"), response.body());
        }
        assertEquals(0, served.get());
        assertEquals(200, post("/free", paying(1, reference)).statusCode());
        assertEquals(1, left(), "nothing was used of it");
    }

    @Test
    void aPaymentPaysOneCallAlsoAfterARestart() throws Exception {
        Bytes32 reference = Bytes32.of(reference("/call"));
        String header = paying(3 * MOST, reference);
        assertEquals(200, post("/call", header).statusCode());
        assertRefused(header, "has been paid");
        assertRefused(spending(PAYER, reference), "has been paid");
        byte[] next = reference("/call");
        assertRefused(spending(OTHER, Bytes32.of(next)), "credit is 0");
        String once = spending(PAYER, Bytes32.of(next));
        assertEquals(200, post("/call", once).statusCode());
        assertRefused(once, "has been paid");
        long left = left();
        assertEquals(3 * MOST - 2 * COST, left);
        stop();
        start();
        assertEquals(left, left(), "credit outlasts the process");
        assertRefused(header, "started anew");
        assertRefused(once, "started anew");
        credit.close();
        credit.look();
        assertEquals(left, left(), "a payment is counted once");
    }

    @Test
    void ofTwoCallsWithOnePaymentOneIsAnswered() throws Exception {
        String header = paying(3 * MOST, Bytes32.of(reference("/call")));
        List<CompletableFuture<Integer>> both = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> {
                    try {
                        return post("/call", header).statusCode();
                    } catch (IOException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }))
                .toList();
        assertEquals(1, both.stream().filter(one -> one.join() == 200).count());
        assertEquals(3 * MOST - COST, left());
    }

    @Test
    void aLedgerThatDoesNotAnswerLosesNoMoneyAndTakesItOnce() throws Exception {
        String header = paying(MOST, Bytes32.of(reference("/call")));
        ledger.next(Fate.LOST);
        HttpResponse<String> lost = post("/call", header);
        assertEquals(503, lost.statusCode());
        assertTrue(lost.body().contains("it pays once"), lost.body());
        assertEquals(MONEY, ledger.balance(PAYER));
        ledger.next(Fate.UNANSWERED);
        assertEquals(503, post("/call", header).statusCode());
        assertEquals(200, post("/call", header).statusCode(), "the same payment is found");
        assertEquals(MONEY + MOST, ledger.balance(GATEWAY), "it was made once");
        assertEquals(MOST - COST, left());
        // One whose client never comes back is credit all the same.
        ledger.next(Fate.UNANSWERED);
        assertEquals(
                503, post("/call", paying(MOST, Bytes32.of(reference("/call")))).statusCode());
        credit.hurry();
        long end = System.nanoTime() + 30_000_000_000L;
        while (left() < 2 * MOST - COST && System.nanoTime() < end) {
            Thread.sleep(20);
        }
        assertEquals(2 * MOST - COST, left());
    }

    @Test
    void aCallThatFailsAfterItsPaymentCostsNothing() throws Exception {
        HttpResponse<String> failed = post("/failing", paying(MOST, Bytes32.of(reference("/failing"))));
        assertEquals(503, failed.statusCode());
        assertTrue(told(failed).path("success").asBoolean(), "the payment was made");
        assertEquals(0, told(failed).path("extra").path("used").asLong());
        assertEquals(MOST, told(failed).path("extra").path("left").asLong());
        assertEquals(MOST, left());
        assertEquals(
                200,
                post("/call", spending(PAYER, Bytes32.of(reference("/call")))).statusCode());
        assertEquals(MOST - COST, left());
    }

    @Test
    void anAccountWithoutMoneyIsToldWhatItHas() throws Exception {
        KeyPair poor = KeyPair.random();
        String header =
                transfer(poor, GATEWAY, MOST, Bytes32.of(reference("/call"))).header(NETWORK);
        HttpResponse<String> refused = post("/call", header);
        assertEquals(402, refused.statusCode());
        assertTrue(refused.body().contains("The account has 0 on the ledger"), refused.body());
        assertFalse(refused.headers().firstValue(CallPayment.RESPONSE_HEADER).isPresent());
    }
}
