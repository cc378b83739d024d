package io.plumbline.client;

import static io.plumbline.client.ScriptedServer.answer;
import static io.plumbline.client.ScriptedServer.extension;
import static io.plumbline.client.ScriptedServer.receipt;
import static io.plumbline.client.ScriptedServer.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.IntNode;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests as a client sends them, and the answers that it takes and refuses. */
class PlumblineClientTest {
    private static final Bytes32 REQUEST = Bytes32.ZERO;
    private static final String GOOD = answer("Once.", extension(REQUEST, receipt(REQUEST)));

    @Test
    void anAnswerHasTextUsageAndAReceiptThatHolds() {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, GOOD));
                PlumblineClient client = server.client().apiKey("secret").build()) {
            ChatAnswer answer = client.chat("Tell me a story.");
            assertEquals("Once.", answer.text());
            assertEquals("stop", answer.finishReason());
            assertEquals(new Usage(3, 4), answer.usage());
            assertEquals(REQUEST, answer.receipt().requestHash());
            assertEquals(14, answer.receipt().receipt().price());
            assertEquals(
                    List.of("POST /v1/chat/completions Bearer secret {\"messages\":[{\"role\":\"user\","
                            + "\"content\":\"Tell me a story.\"}]}"),
                    server.heard);
            assertThrows(IllegalStateException.class, () -> answer.receipt().awaitSettlement(Duration.ofSeconds(1)));
        }
    }

    @Test
    void whatIsAskedForIsSent() {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, GOOD));
                PlumblineClient client = server.client().model("usual").build()) {
            client.chat(ChatRequest.builder()
                    .system("Be brief.")
                    .user("Hi")
                    .temperature(0.5)
                    .topP(0.9)
                    .topK(40)
                    .seed(7)
                    .maxTokens(8)
                    .stop("END", "\n")
                    .level(Level.FULL)
                    .field("top_logprobs", IntNode.valueOf(2))
                    .build());
            String sent = server.heard.getFirst();
            String expected = "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\","
                    + "\"content\":\"Hi\"}],\"temperature\":0.5,\"top_p\":0.9,\"top_k\":40,\"seed\":7,\"max_tokens\":8,"
                    + "\"stop\":[\"END\",\"\\n\"],\"plumbline\":{\"level\":\"full\"},\"top_logprobs\":2,"
                    + "\"model\":\"usual\"}";
            assertEquals("POST /v1/chat/completions null " + expected, sent);
        }
        assertThrows(IllegalArgumentException.class, () -> ChatRequest.builder().build());
        assertThrows(IllegalArgumentException.class, () -> ChatRequest.builder().field("stream", IntNode.valueOf(1)));
        assertThrows(IllegalArgumentException.class, () -> ChatRequest.builder().level(Level.REPLAYED));
    }

    @Test
    void aReceiptThatDoesNotHoldIsNotHandedOut() {
        Receipt good = receipt(REQUEST);
        byte[] changed = good.encode();
        changed[152] ^= 1;
        Bytes32 other = new Bytes32(1, 0, 0, 0);
        String hash = REQUEST.toString();
        assertEquals("SIGNATURE", failure(extension(hash, HexFormat.of().formatHex(changed)), null));
        assertEquals("REQUEST", failure(extension(other, good), null));
        assertEquals("NODE", failure(extension(REQUEST, good), "00".repeat(32)));
        assertEquals("MALFORMED", failure(extension(hash, "abcd"), null));
        assertEquals("MALFORMED", failure(extension(hash, "xy"), null));
        assertEquals("MALFORMED", failure("\"other\":1", null));
        String node = ScriptedServer.NODE.publicKey().toString();
        assertNull(failure(extension(REQUEST, good), node.toUpperCase(java.util.Locale.ROOT)));
    }

    /** The failure's name; null where the answer is taken. */
    private static String failure(String extension, String node) {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, answer("a", extension)));
                PlumblineClient client = server.client().build()) {
            ChatRequest.Builder asked = ChatRequest.builder().user("a");
            client.chat(node == null ? asked.build() : asked.node(node).build());
            return null;
        } catch (VerificationException e) {
            return e.failure();
        }
    }

    @Test
    void aRefusalHasTheApisCodeAndWords() {
        String refusal = "{\"error\":{\"message\":\"The model \\\"x\\\" does not exist.\",\"type\":"
                + "\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}";
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 404, refusal));
                PlumblineClient client = server.client().build()) {
            ApiException e = assertThrows(ApiException.class, () -> client.chat("a"));
            assertEquals(404, e.status());
            assertEquals("model_not_found", e.code());
            assertEquals("invalid_request_error", e.type());
            assertEquals("model", e.parameter());
            assertEquals("The model \"x\" does not exist.", e.getMessage());
            assertThrows(ApiException.class, () -> client.stream("a"));
            assertThrows(ApiException.class, () -> client.embed(List.of("a")));
            assertEquals(3, server.heard.size(), "a refusal is not tried again");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 503})
    void aBusyServerIsAskedAgainWhenItSays(int status) {
        int[] tries = {0};
        try (ScriptedServer server = new ScriptedServer(http -> {
                    if (tries[0]++ == 0) {
                        http.getResponseHeaders().set("Retry-After", "1");
                        send(http, status, "<html>busy</html>");
                    } else {
                        send(http, 200, GOOD);
                    }
                });
                PlumblineClient client = server.client().build()) {
            long begin = System.nanoTime();
            assertEquals("Once.", client.chat("a").text());
            assertTrue(System.nanoTime() - begin >= 1_000_000_000L, "as long as it said");
            assertEquals(2, server.heard.size());
        }
    }

    @Test
    void aServerThatStaysBusyIsGivenUp() {
        try (ScriptedServer server = new ScriptedServer(http -> {
                    http.getResponseHeaders().set("Retry-After", "0");
                    send(http, 503, "");
                });
                PlumblineClient client =
                        server.client().retries(3, Duration.ofSeconds(1)).build()) {
            assertEquals(
                    503,
                    assertThrows(ApiException.class, () -> client.chat("a")).status());
            assertEquals(4, server.heard.size());
        }
        try (ScriptedServer server = new ScriptedServer(http -> {
                    http.getResponseHeaders().set("Retry-After", "3600");
                    send(http, 503, "");
                });
                PlumblineClient client = server.client().build()) {
            assertThrows(ApiException.class, () -> client.chat("a"));
            assertEquals(1, server.heard.size(), "an hour is not waited for");
        }
    }

    @Test
    void whatIsTooLateTooLongOrNoJsonIsNoAnswer() {
        try (ScriptedServer server = new ScriptedServer(http -> Thread.sleep(60_000));
                PlumblineClient client =
                        server.client().timeout(Duration.ofMillis(300)).build()) {
            assertThrows(UnreachableException.class, () -> client.chat("a"));
            assertThrows(UnreachableException.class, () -> client.stream("a"));
        }
        // Headers in time, and then no more of the body.
        try (ScriptedServer server = new ScriptedServer(http -> {
                    ScriptedServer.stream(http, "{");
                    Thread.sleep(60_000);
                });
                PlumblineClient client =
                        server.client().timeout(Duration.ofMillis(300)).build()) {
            assertThrows(UnreachableException.class, () -> client.chat("a"));
        }
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, " ".repeat(2_000) + GOOD));
                PlumblineClient client = server.client().maxResponseBytes(2_000).build()) {
            assertThrows(UnreachableException.class, () -> client.chat("a"));
        }
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, "<html>"));
                PlumblineClient client = server.client().build()) {
            assertThrows(UnreachableException.class, () -> client.chat("a"));
        }
        try (PlumblineClient nowhere = new ClosedPort().client()) {
            assertThrows(UnreachableException.class, () -> nowhere.chat("a"));
        }
    }

    /** A port at which nothing listens any more. */
    private record ClosedPort() {
        PlumblineClient client() {
            try (ScriptedServer server = new ScriptedServer(http -> {})) {
                return server.client().build();
            }
        }
    }

    @Test
    void textsAreEmbeddedInTheirOrder() {
        String receipt = extension(REQUEST, receipt(REQUEST)).substring("\"plumbline\":".length());
        String two = "{\"data\":[{\"index\":1,\"embedding\":[3,4.5]},{\"index\":0,\"embedding\":[1,2]}],"
                + "\"usage\":{\"prompt_tokens\":9},\"plumbline\":";
        for (String beside : List.of(receipt, "{\"parts\":[" + receipt + "," + receipt + "]}")) {
            try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, two + beside + "}"));
                    PlumblineClient client = server.client().build()) {
                Embeddings embeddings = client.embed(List.of("a", "b"), "m");
                assertArrayEquals(new float[] {1, 2}, embeddings.vectors().get(0));
                assertArrayEquals(new float[] {3, 4.5f}, embeddings.vectors().get(1));
                assertEquals(9, embeddings.usage().promptTokens());
                assertEquals(
                        beside.startsWith("{\"parts") ? 2 : 1,
                        embeddings.receipts().size());
                assertTrue(server.heard.getFirst().endsWith("{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"));
                assertThrows(UnreachableException.class, () -> client.embed(List.of("a", "b", "c")));
                assertThrows(UnreachableException.class, () -> client.embed(List.of("a")));
            }
        }
    }

    @Test
    void aClosedClientLeavesNoThread() throws InterruptedException {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, GOOD))) {
            PlumblineClient client = server.client().build();
            client.chat("a");
            assertFalse(threads().isEmpty());
            client.close();
            for (int i = 0; i < 200 && !threads().isEmpty(); i++) {
                Thread.sleep(50);
            }
            assertEquals(List.of(), threads());
        }
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("HttpClient-"))
                .toList();
    }
}
