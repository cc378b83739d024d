package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.node.serve.LocalModels;
import io.plumbline.node.serve.LocalServer;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;

/**
 * Headline gateway-overhead: streamed chat over HTTP, each answer signed and logged, beside the same engine asked
 * directly for the same tokens and nothing else. Clients ask again as soon as they have an answer, and share the
 * processors with what they ask.
 */
@Parameters(commandNames = "gateway", commandDescription = "The API over HTTP, beside the engine alone.")
final class GatewayBench implements Callable<Integer> {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String MESSAGES = "[{\"role\":\"user\",\"content\":\"Tell me a story about a fox.\"}]";
    private static final long WARM_UP_NS = 3_000_000_000L;

    @Parameter(names = "--model", description = "DIR: the model that is served")
    private Path source = Path.of("models", "plumbline-stories-2m");

    @Parameter(names = "--size", description = "150m or 1.1b: random weights of this size in place of a model")
    private String size;

    @Parameter(names = "--cache", description = "DIR: where models of random weights are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--streams", description = "answers at once")
    private List<Integer> streams = List.of(1, 8, 32, 128);

    @Parameter(names = "--headline-streams", description = "of these, the one that the headline is about")
    private int headline = 32;

    @Parameter(names = "--tokens", description = "most tokens of an answer")
    private int tokens = 128;

    @Parameter(names = "--seconds", description = "length of a reading")
    private int seconds = 8;

    @Parameter(names = "--rounds", description = "readings of each, in turn")
    private int rounds = 5;

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final AtomicLong seeds = new AtomicLong();
    private LanguageEngine language;
    private URI uri;
    private HttpClient http;

    /** A client that asks again and again. */
    private interface Client {
        /**
         * Has one answer.
         *
         * @param firstNs takes the time to its first token.
         * @return its tokens.
         */
        int ask(long seed, List<Long> firstNs) throws Exception;
    }

    /** Readings of one way with so many streams. */
    private static final class Series {
        private final List<Double> tokensPerS = new ArrayList<>();
        private final List<Double> requestsPerS = new ArrayList<>();
        private final List<Long> firstNs = new ArrayList<>();

        private Readings tokens() {
            return new Readings(
                    tokensPerS.stream().mapToDouble(Double::doubleValue).toArray());
        }

        private double firstMs(double share) {
            long[] sorted = firstNs.stream().mapToLong(Long::longValue).sorted().toArray();
            return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 1e6;
        }
    }

    @Override
    public Integer call() throws Exception {
        Path folder = Files.createTempDirectory("plumbline-gateway-bench");
        Path model = size == null
                ? new ModelStore(TensorPackage.store()).find(source, share -> {}, note -> {})
                : Models.prepare(cache, Models.Size.of(size)).imported();
        KeyPair keys = KeyPair.random();
        language = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(Runtime.getRuntime().availableProcessors(), 0),
                LoadedModel::layers,
                keys,
                0,
                null,
                new Events(new PrintStream(PrintStream.nullOutputStream())));
        try (LocalServer server = LocalServer.launch(
                        LocalModels.of("model", model, language),
                        keys,
                        new ReceiptLog(folder),
                        new FileSources(List.of()),
                        new ApiServer.Place("localhost", 0, Origins.LOCAL),
                        Throwable::printStackTrace);
                HttpClient client = HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .build()) {
            http = client;
            uri = URI.create("http://localhost:" + server.port() + "/v1/chat/completions");
            requireSameAnswer(keys);
            Map<Integer, Series> overHttp = new TreeMap<>();
            Map<Integer, Series> alone = new TreeMap<>();
            Client direct = (seed, first) -> direct(request(seed, keys), first);
            for (int count : streams) {
                overHttp.put(count, new Series());
                alone.put(count, new Series());
            }
            measure(direct, headline, WARM_UP_NS, new Series());
            measure(this::overHttp, headline, WARM_UP_NS, new Series());
            for (int round = 0; round < rounds; round++) {
                for (int count : streams) {
                    measure(direct, count, seconds * 1_000_000_000L, alone.get(count));
                    measure(this::overHttp, count, seconds * 1_000_000_000L, overHttp.get(count));
                    System.out.printf(
                            Locale.ROOT,
                            "round %d, %d streams: engine alone %.0f, over HTTP %.0f tokens/s%n",
                            round + 1,
                            count,
                            alone.get(count).tokensPerS.getLast(),
                            overHttp.get(count).tokensPerS.getLast());
                }
            }
            ObjectNode details = details(overHttp, alone);
            System.out.println(MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(details));
            if (overHttp.containsKey(headline)) {
                new BenchmarkResult(
                                "gateway-overhead" + (size == null ? "" : "-" + size),
                                overHttp.get(headline).tokens(),
                                "tokens/s at " + headline + " streams over HTTP",
                                false,
                                "the engine alone, in the same process",
                                alone.get(headline).tokens(),
                                null,
                                command(),
                                details)
                        .write(results);
            }
        } finally {
            Directories.delete(folder);
        }
        return 0;
    }

    /** The command that measures the same again. */
    private String command() {
        String counts = String.join(",", streams.stream().map(String::valueOf).toList());
        return "./plumbline bench gateway " + (size == null ? "--model " + source : "--size " + size) + " --streams "
                + counts + " --tokens " + tokens;
    }

    private ObjectNode details(Map<Integer, Series> overHttp, Map<Integer, Series> alone) {
        ObjectNode json = MAPPER.createObjectNode()
                .put("model", size == null ? source.getFileName().toString() : "random weights, " + size)
                .put("tokensAtMost", tokens);
        overHttp.forEach((count, series) -> {
            Series other = alone.get(count);
            ObjectNode one = json.putObject(count + " streams");
            one.put("tokensPerS", series.tokens().toString())
                    .put("engineAlone", other.tokens().toString());
            one.put(
                    "ratio",
                    BenchmarkResult.rounded(
                            series.tokens().median() / other.tokens().median()));
            one.put(
                    "requestsPerS",
                    BenchmarkResult.rounded(new Readings(series.requestsPerS.stream()
                                    .mapToDouble(Double::doubleValue)
                                    .toArray())
                            .median()));
            one.put("firstTokenMsP50", BenchmarkResult.rounded(series.firstMs(0.5)))
                    .put("firstTokenMsP99", BenchmarkResult.rounded(series.firstMs(0.99)))
                    .put("firstTokenMsP50Alone", BenchmarkResult.rounded(other.firstMs(0.5)))
                    .put("firstTokenMsP99Alone", BenchmarkResult.rounded(other.firstMs(0.99)));
        });
        return json;
    }

    /** Both ways give one seed the same answer, or nothing is measured. */
    private void requireSameAnswer(KeyPair keys) throws Exception {
        List<Integer> direct = new ArrayList<>();
        CompletableFuture<Generator.Result> done = new CompletableFuture<>();
        language.job(request(1, keys), -1, new Heard(done, token -> direct.add(token)))
                .begin();
        int[] chosen = done.get().tokens();
        HttpResponse<String> answer =
                http.send(post(1, false), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        String text = MAPPER.readTree(answer.body())
                .path("choices")
                .path(0)
                .path("message")
                .path("content")
                .asText();
        if (!text.equals(language.tokenizer().decode(chosen))) {
            throw new IOException("The API and the engine answer differently: " + text);
        }
    }

    private Request request(long seed, KeyPair keys) {
        byte[] nonce = new byte[16];
        Arrays.fill(nonce, (byte) seed);
        return new Request(
                language.model().id(),
                MESSAGES,
                0,
                language.tokenizer().prompt(MESSAGES, 0),
                new Sampling(1, 0, 1_000_000, seed),
                tokens,
                language.model().stopTokens(),
                List.of(),
                keys.publicKey(),
                nonce);
    }

    private HttpRequest post(long seed, boolean stream) {
        String body = "{\"messages\":" + MESSAGES + ",\"seed\":" + seed + ",\"max_tokens\":" + tokens
                + (stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}" : "}");
        return HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    /** {@code count} clients ask until the time is over; what they had by then is one reading. */
    private void measure(Client client, int count, long ns, Series into) throws Exception {
        AtomicLong had = new AtomicLong();
        AtomicLong answers = new AtomicLong();
        List<Long> first = new ArrayList<>();
        long begin = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        CompletableFuture<Void> failed = new CompletableFuture<>();
        for (int i = 0; i < count; i++) {
            threads.add(Thread.startVirtualThread(() -> {
                List<Long> own = new ArrayList<>();
                try {
                    while (System.nanoTime() - begin < ns) {
                        had.addAndGet(client.ask(seeds.incrementAndGet(), own));
                        answers.incrementAndGet();
                    }
                } catch (Exception e) {
                    failed.completeExceptionally(e);
                }
                synchronized (first) {
                    first.addAll(own);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failed.isCompletedExceptionally()) {
            failed.get();
        }
        double tookS = (System.nanoTime() - begin) / 1e9;
        into.tokensPerS.add(had.get() / tookS);
        into.requestsPerS.add(answers.get() / tookS);
        into.firstNs.addAll(first);
    }

    private int direct(Request request, List<Long> firstNs) throws Exception {
        long begin = System.nanoTime();
        CompletableFuture<Long> first = new CompletableFuture<>();
        CompletableFuture<Generator.Result> done = new CompletableFuture<>();
        language.job(request, -1, new Heard(done, token -> first.complete(System.nanoTime() - begin)))
                .begin();
        Generator.Result result = done.get();
        firstNs.add(first.get());
        return result.tokens().length;
    }

    private int overHttp(long seed, List<Long> firstNs) throws Exception {
        long begin = System.nanoTime();
        HttpResponse<InputStream> response = http.send(post(seed, true), HttpResponse.BodyHandlers.ofInputStream());
        boolean hasFirst = false;
        int had = 0;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!hasFirst && line.contains("\"delta\":{\"content\"")) {
                    hasFirst = true;
                    firstNs.add(System.nanoTime() - begin);
                }
                if (line.contains("\"completion_tokens\"")) {
                    JsonNode usage =
                            MAPPER.readTree(line.substring("data: ".length())).path("usage");
                    had = usage.path("completion_tokens").asInt();
                }
            }
        }
        if (response.statusCode() != 200 || had == 0) {
            throw new IOException("The API answered " + response.statusCode() + ", and no tokens.");
        }
        return had;
    }

    /** Hears an answer of the engine alone. */
    private record Heard(CompletableFuture<Generator.Result> done, IntConsumer onToken)
            implements LanguageEngine.Listener {
        @Override
        public void onToken(int token, Logprobs logprobs) {
            onToken.accept(token);
        }

        @Override
        public void onDone(Generator.Result result) {
            done.complete(result);
        }

        @Override
        public void onFailed(Exception why) {
            done.completeExceptionally(why);
        }
    }
}
