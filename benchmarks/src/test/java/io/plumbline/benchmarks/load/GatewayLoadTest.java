package io.plumbline.benchmarks.load;

import static io.plumbline.benchmarks.load.ScriptedEndpoint.body;
import static io.plumbline.benchmarks.load.ScriptedEndpoint.json;
import static io.plumbline.benchmarks.load.ScriptedEndpoint.piece;
import static io.plumbline.benchmarks.load.ScriptedEndpoint.stream;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class GatewayLoadTest {
    private static final String HASH = "ab".repeat(32);

    @TempDir
    private Path folder;

    private int code;
    private String errors;
    private String output;

    private void run(String... words) throws Exception {
        CommandLine ended = CommandLine.run(words);
        code = ended.code();
        errors = ended.errors();
        output = ended.output();
    }

    private JsonNode load(String url, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("gateway", "--url", url, "--warm-up", "0", "--seconds", "0.5"));
        all.addAll(List.of("--out", folder.resolve("result.json").toString()));
        all.addAll(List.of(words));
        run(all.toArray(String[]::new));
        Path file = folder.resolve(code == 0 ? "result.json" : "result.FAIL.json");
        assertTrue(Files.exists(file), errors);
        return new ObjectMapper().readTree(file.toFile());
    }

    private static Histogram histogram(JsonNode result, String name) throws Exception {
        byte[] bytes = Base64.getDecoder()
                .decode(result.path("latencies").path(name).path("hdr").asText());
        return Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(bytes), 0);
    }

    @Test
    void anEndpointOfOursIsMeasuredFromTheFirstTokenToTheReceipt() throws Exception {
        try (ServedStories served = new ServedStories(folder)) {
            JsonNode result =
                    load(served.url(), "--rate", "40", "--arrivals", "constant", "--output", "4-8", "--follow", "1000");
            assertEquals(0, code, errors);
            assertEquals("GOOD", result.path("verdict").asText());
            assertEquals(20, result.path("answered").asInt());
            assertTrue(result.path("answer_tokens").asInt() >= 20, result.toString());
            assertTrue(result.path("prompt_tokens").asInt() >= 20 * 16, result.toString());
            assertEquals(20, result.path("receipts_followed").path("signed").asInt());
            for (String name : List.of("first_token", "end_to_end", "receipt", "first_token_from_sent")) {
                assertEquals(20, histogram(result, name).getTotalCount(), name);
            }
            assertTrue(histogram(result, "first_token").getMaxValue()
                    <= histogram(result, "end_to_end").getMaxValue());
            assertFalse(result.path("environment").path("processor").asText().isEmpty());
            Set<String> tags = new HashSet<>();
            HistogramLogReader log =
                    new HistogramLogReader(folder.resolve("result.hlog").toString());
            for (EncodableHistogram next; (next = log.nextIntervalHistogram()) != null; ) {
                tags.add(next.getTag());
            }
            assertTrue(tags.containsAll(List.of("send_lag", "first_token", "end_to_end", "receipt")), tags.toString());
        }
    }

    /** A client that waits for its answers would ask nothing while the endpoint stalls, and see one slow answer. */
    @Test
    void aStallIsFeltByAllRequestsThatWereDueInIt() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(1, http -> {
            if (requests.incrementAndGet() == 3) {
                Thread.sleep(700);
            }
            stream(http, true, piece("a"));
        })) {
            JsonNode result = load(endpoint.url(), "--rate", "100", "--arrivals", "constant");
            long slow = histogram(result, "first_token")
                    .getCountBetweenValues(TimeUnit.MILLISECONDS.toNanos(100), TimeUnit.HOURS.toNanos(1));
            assertTrue(slow >= 20, slow + " requests were slow");
        }
    }

    @Test
    void aRateThatWasMissedIsAFailure() throws Exception {
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(4, http -> {
            Thread.sleep(50);
            stream(http, true, piece("a"));
        })) {
            JsonNode result =
                    load(endpoint.url(), "--rate", "200", "--arrivals", "constant", "--most-under-way", "1", "--json");
            assertEquals(1, code);
            assertEquals("FAIL", result.path("verdict").asText());
            assertEquals(result, new ObjectMapper().readTree(output), "--json prints what the file has");
            assertTrue(errors.matches("plumbline load: FAIL: \\d+ of \\d+ requests could not be sent .*"), errors);
            assertTrue(result.path("unsent").asInt() > 50, result.toString());
        }
    }

    @Test
    void answersBeyondALimitAreNotGood() throws Exception {
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(8, http -> {
            Thread.sleep(30);
            stream(http, true, piece("a"), piece("b"));
        })) {
            JsonNode strict = load(endpoint.url(), "--rate", "40", "--ttft-limit-ms", "10");
            assertEquals(0, strict.path("goodput").path("answers").asInt());
            assertTrue(strict.path("answered").asInt() > 0);
            JsonNode none = load(endpoint.url(), "--rate", "40");
            assertEquals(
                    none.path("answered").asInt(),
                    none.path("goodput").path("answers").asInt());
        }
    }

    @Test
    void clientsThatLeaveAreCountedApartAndEndTheirStreams() throws Exception {
        AtomicInteger brokenOff = new AtomicInteger();
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(16, http -> {
            String[] pieces = new String[2_000];
            Arrays.fill(pieces, piece("0123456789".repeat(100)));
            try {
                stream(http, true, pieces);
            } catch (IOException e) {
                brokenOff.incrementAndGet();
            }
        })) {
            JsonNode result = load(endpoint.url(), "--rate", "20", "--cancel", "1");
            assertEquals(
                    result.path("requests").asInt(), result.path("cancelled").asInt());
            assertEquals(
                    result.path("requests").asInt(),
                    histogram(result, "first_token").getTotalCount());
            assertTrue(result.path("latencies").path("end_to_end").isMissingNode());
            assertTrue(brokenOff.get() > 0);
            assertEquals(1, code, "nothing was answered");
        }
    }

    /** A ledger's words on a request, step by step: a real one does not say them on demand. */
    @Test
    void anAnswerIsFollowedUntilItsOutcomeIsCertified() throws Exception {
        Queue<String> steps = new ConcurrentLinkedQueue<>(List.of(
                "",
                "{\"status\":\"ESCROWED\",\"finality\":\"certified\"}",
                "{\"status\":\"AUDITING\",\"finality\":\"ordered\"}",
                "{\"status\":\"REVEALING\",\"finality\":\"ordered\"}",
                "{\"status\":\"SETTLED\",\"finality\":\"ordered\"}"));
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(8, http -> {
            if (!http.getRequestURI().getPath().contains("/receipts/")) {
                stream(
                        http,
                        true,
                        piece("a"),
                        "{\"choices\":[],\"plumbline\":{\"request_hash\":\"" + HASH + "\",\"receipt\":\"00\"}}");
                return;
            }
            String step = steps.poll();
            if (step == null) {
                step = "{\"status\":\"SETTLED\",\"finality\":\"certified\"}";
            }
            json(http, step.isEmpty() ? 404 : 200, step);
        })) {
            JsonNode result = load(endpoint.url(), "--rate", "10", "--arrivals", "constant", "--follow", "1");
            assertEquals(0, code, errors);
            assertTrue(result.path("receipts_followed").path("settled").asInt() >= 1, result.toString());
            double audited =
                    result.path("latencies").path("audited").path("max_ms").asDouble();
            double paid = result.path("latencies")
                    .path("settled_to_be_paid")
                    .path("max_ms")
                    .asDouble();
            double certified =
                    result.path("latencies").path("certified").path("max_ms").asDouble();
            assertTrue(audited >= 3 * ReceiptWatch.PAUSE_MS, result.toString());
            assertTrue(audited < paid && paid < certified, result.toString());
        }
    }

    @Test
    void requestsThatFailAreAFailureWithTheCommonestReason() throws Exception {
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(4, http -> {
            http.getRequestBody().readAllBytes();
            json(http, 429, "{\"error\":{\"message\":\"Too much.\"}}");
        })) {
            JsonNode refused = load(endpoint.url(), "--rate", "20", "--arrivals", "constant");
            assertEquals(10, refused.path("refused").asInt());
            assertEquals(
                    "plumbline load: FAIL: 10 of 10 requests failed, 10 of them so: 429: Too much.;"
                            + " no request was answered.",
                    errors);
        }
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(4, http -> stream(http, false, piece("a")))) {
            JsonNode broken = load(endpoint.url(), "--concurrency", "1");
            assertTrue(broken.path("failed").asInt() > 0);
            assertTrue(errors.contains("the stream ended before its end"), errors);
        }
    }

    @Test
    void aStreamThatNeverEndsIsCutOff() throws Exception {
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(4, http -> {
            stream(http, false, piece("a"));
            Thread.sleep(20_000);
        })) {
            load(endpoint.url(), "--rate", "4", "--arrivals", "constant", "--timeout", "1");
            assertEquals(1, code);
            assertTrue(errors.contains("no whole answer within 1 s"), errors);
        }
    }

    @Test
    void embeddingsTensorsAndWholeAnswersAreAskedForAsTheirApisHaveIt() throws Exception {
        Queue<String> asked = new ConcurrentLinkedQueue<>();
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(4, http -> {
            asked.add(http.getRequestURI().getPath() + " " + body(http));
            json(http, 200, "{\"usage\":{\"prompt_tokens\":3}}");
        })) {
            load(endpoint.url(), "--rate", "6", "--api", "embeddings", "--prompt", "2");
            assertTrue(asked.poll().startsWith("/v1/embeddings {\"model\":\"scripted\",\"input\":\""));
            asked.clear();
            Path request = Files.writeString(folder.resolve("request.json"), "{\"inputs\": []}");
            load(endpoint.url(), "--rate", "6", "--api", "tensors", "--body", request.toString(), "--model", "a b");
            assertEquals("/v2/models/a b/infer {\"inputs\":[]}", asked.poll());
            asked.clear();
            load(endpoint.url(), "--rate", "6", "--whole", "--output", "9", "--extra", "{\"temperature\":0}");
            String whole = asked.poll();
            assertTrue(whole.contains("\"max_tokens\":9,\"stream\":false"), whole);
            assertTrue(whole.endsWith("\"temperature\":0}"), whole);
            assertEquals(0, code, errors);
        }
    }

    @Test
    void anEndpointThatCannotBeUsedIsToldOfInOneLine() throws Exception {
        try (ScriptedEndpoint endpoint = new ScriptedEndpoint(1, http -> json(http, 404, "{}"))) {
            run("gateway", "--url", endpoint.url(), "--rate", "1", "--api-key", "wrong");
            assertEquals(1, code);
            assertEquals(
                    "plumbline load: " + endpoint.url() + "/ answered 401: This key is nobody's."
                            + " Name a key by --api-key or by the variable OPENAI_API_KEY.",
                    errors);
            run("gateway", "--url", "gopher://localhost/v1", "--rate", "1");
            assertTrue(errors.startsWith("plumbline load: --url gopher://localhost/v1 is no URL of http"), errors);
        }
        run("gateway", "--url", "http://localhost:1/v1", "--rate", "1");
        assertEquals(1, code);
        assertTrue(errors.startsWith("plumbline load: http://localhost:1/v1/ cannot be reached"), errors);
        assertTrue(errors.endsWith("or name another by --url."), errors);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nothing",
                "gateway",
                "gateway --frob",
                "gateway --rate x",
                "gateway --rate 1 --concurrency 1",
                "gateway --rate -1",
                "gateway --rate 1 --arrivals sometimes",
                "gateway --rate 1 --api pictures",
                "gateway --rate 1 --cancel 2",
                "gateway --rate 1 --prompt long",
                "gateway --rate 1 --seconds 0",
                "gateway --rate 1 --whole --cancel 0.5",
                "gateway --rate 1 --body x",
                "gateway --rate 1 --ttft-limit-ms -1"
            })
    void badInputIsOneLineThatSaysWhatToDo(String words) throws Exception {
        run(words.isEmpty() ? new String[0] : words.split(" "));
        assertEquals(2, code);
        assertTrue(errors.matches("plumbline load: [^\n]+ Try plumbline load( gateway)? --help\\."), errors);
    }
}
