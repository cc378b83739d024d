package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.gateway.Access;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tls.CertificateFiles;
import io.plumbline.node.tls.TestCertificates;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model served over TLS to those with keys: what they, others and their programs see. */
@Tag("slow")
class TenantServerTest {
    private static final String QUESTION =
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a fox.\"}],\"temperature\":0";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    static Path folder;

    private static HttpClient http;
    private static Path keys;
    private static Path certificate;
    private static LocalServer server;

    @BeforeAll
    static void start() throws IOException {
        Path model;
        try (LoadedModel loaded = TestModels.load(TestModels.SHIPPED, folder)) {
            model = loaded.folder();
        }
        keys = folder.resolve("api-keys.json");
        key("first", Quota.UNLIMITED);
        TestCertificates.Made made = TestCertificates.make(folder.resolve("tls"), "EC", "localhost");
        certificate = made.certificate();
        KeyPair signing = KeyPair.random();
        LanguageEngine language = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(1, 64 << 20),
                LoadedModel::layers,
                signing,
                0,
                null,
                new Events(new PrintStream(PrintStream.nullOutputStream())));
        server = LocalServer.launch(
                LocalModels.of("stories", model, language),
                signing,
                new ReceiptLog(folder.resolve("serve")),
                new FileSources(List.of()),
                new ApiServer.Place(
                        "localhost",
                        0,
                        Origins.LOCAL,
                        new Access(
                                new Tenants(keys, folder, 1, event -> {}),
                                new CertificateFiles(certificate, made.key(), event -> {}))),
                Throwable::printStackTrace);
        http = HttpClient.newBuilder().sslContext(TestCertificates.client()).build();
    }

    @AfterAll
    static void stop() {
        server.close();
        http.close();
    }

    /** A new tenant's key, before the server has read it. */
    private static String key(String name, Quota quota, String... models) throws IOException {
        return TenantFile.add(keys, name, quota, Set.of(models), "2026-11-26");
    }

    /** The key of a new tenant that the server knows. */
    private static String known(String name, Quota quota, String... models) throws Exception {
        String key = key(name, quota, models);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (get("/models", key).statusCode() == 401 && System.nanoTime() < end) {
            Thread.sleep(100);
        }
        return key;
    }

    private static String base() {
        return "https://localhost:" + server.port() + "/v1";
    }

    private static HttpRequest.Builder request(String address, String key) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address));
        return key == null ? request : request.header("Authorization", "Bearer " + key);
    }

    private static HttpResponse<String> get(String path, String key) throws IOException, InterruptedException {
        return http.send(request(base() + path, key).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpRequest asking(String key, String more) {
        return request(base() + "/chat/completions", key)
                .POST(HttpRequest.BodyPublishers.ofString(QUESTION + more))
                .build();
    }

    private static HttpResponse<String> ask(String key, String more) throws IOException, InterruptedException {
        return http.send(asking(key, more), HttpResponse.BodyHandlers.ofString());
    }

    private static String code(HttpResponse<String> answer) throws IOException {
        return MAPPER.readTree(answer.body()).path("error").path("code").asText();
    }

    private static long header(HttpResponse<?> answer, String name) {
        return answer.headers().firstValueAsLong(name).orElse(-1);
    }

    @Test
    void thePageIsOpenAndTellsNothingOfWhatTenantsDo() throws Exception {
        String page = base().replace("/v1", "/ui");
        for (String path : new String[] {"", "/app.js", "/js/verifier.js"}) {
            assertEquals(
                    200,
                    http.send(request(page + path, null).build(), HttpResponse.BodyHandlers.ofString())
                            .statusCode(),
                    path);
        }
        JsonNode state =
                MAPPER.readTree(http.send(request(page + "/state", null).build(), HttpResponse.BodyHandlers.ofString())
                        .body());
        assertTrue(state.path("about").path("needs_key").asBoolean(), state.toString());
        assertTrue(state.path("log").isMissingNode(), "how much is asked is the tenants' business");
        assertFalse(state.toString().contains("stories"), "models are told to those who may ask them");
    }

    @Test
    void withoutAKeyThereIsHealthAndNothingElse() throws Exception {
        String health = base().replace("/v1", "/health");
        assertEquals(
                200,
                http.send(request(health, null).build(), HttpResponse.BodyHandlers.ofString())
                        .statusCode());
        for (String path : new String[] {"/models", "/models/stories", "/receipts/" + "00".repeat(32)}) {
            HttpResponse<String> refused = get(path, null);
            assertEquals(401, refused.statusCode(), path);
            assertEquals("invalid_api_key", code(refused), path);
            assertEquals(
                    "Bearer", refused.headers().firstValue("WWW-Authenticate").orElse(""));
        }
        assertEquals(401, ask("sk-plumbline-wrong", ",\"max_tokens\":1}").statusCode());
        HttpResponse<String> other = http.send(
                request(base().replace("/v1", "/v2/repository/index"), null)
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(401, other.statusCode());
        assertTrue(MAPPER.readTree(other.body()).path("error").isTextual(), "that API's own form: " + other.body());
    }

    @Test
    void aRequestWithoutAKeyIsRefusedBeforeItsBodyComes() throws Exception {
        try (Socket socket = TestCertificates.client().getSocketFactory().createSocket("localhost", server.port())) {
            socket.setSoTimeout(5000);
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            String begin = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
            assertEquals("HTTP/1.1 401", begin);
        }
    }

    @Test
    void tokensAreCountedAsTheyAreUsed() throws Exception {
        String key = known("counted", new Quota(0, 500, 0, 0));
        HttpResponse<String> answer = ask(key, ",\"max_tokens\":8,\"n\":2}");
        assertEquals(200, answer.statusCode(), answer.body());
        JsonNode usage = MAPPER.readTree(answer.body()).path("usage");
        long reserved = 500 - header(answer, "x-ratelimit-remaining-tokens");
        assertEquals(usage.path("total_tokens").asInt(), reserved, "all that were asked for were used");
        // This one asks for 300 and takes a few, and the next finds the others again.
        ask(key, ",\"max_tokens\":300,\"stop\":[\" \"]}");
        HttpResponse<String> next = ask(key, ",\"max_tokens\":300,\"stop\":[\" \"]}");
        assertEquals(200, next.statusCode(), next.body());
        HttpResponse<String> large = ask(key, ",\"max_tokens\":300,\"n\":4}");
        assertEquals(429, large.statusCode(), large.body());
        assertEquals("rate_limit_exceeded", code(large));
        assertEquals("false", large.headers().firstValue("x-should-retry").orElse(""));
    }

    @Test
    void aTenantSeesWhatItHasUsedAndNobodyElseDoes() throws Exception {
        String key = known("seen", Quota.UNLIMITED);
        String other = known("unseen", Quota.UNLIMITED);
        JsonNode usage =
                MAPPER.readTree(ask(key, ",\"max_tokens\":8,\"n\":2}").body()).path("usage");
        ask(key, ",\"max_tokens\":1}");
        JsonNode told = MAPPER.readTree(get("/usage", key).body());
        assertEquals("seen", told.path("tenant").asText());
        assertEquals(3, told.path("total").path("answers").asInt(), told.toString());
        assertEquals(
                usage.path("completion_tokens").asInt() + 1,
                told.path("total").path("completion_tokens").asInt());
        assertEquals(0, told.path("total").path("cost").asInt(), "here answers cost nothing");
        assertEquals(
                told.path("total").path("total_tokens"),
                told.path("days").path(0).path("total_tokens"));
        assertTrue(told.path("budget").isMissingNode(), told.toString());
        JsonNode others = MAPPER.readTree(get("/usage", other).body());
        assertEquals(0, others.path("total").path("answers").asInt());
        assertEquals(401, get("/usage", null).statusCode());
    }

    @Test
    void tooManyRequestsAreToldWhenToComeBack() throws Exception {
        String key = known("rated", new Quota(1, 0, 0, 0));
        HttpResponse<String> first = ask(key, ",\"max_tokens\":1}");
        assertEquals(200, first.statusCode(), first.body());
        assertEquals(0, header(first, "x-ratelimit-remaining-requests"));
        HttpResponse<String> second = ask(key, ",\"max_tokens\":1}");
        assertEquals(429, second.statusCode());
        assertEquals("rate_limit_exceeded", code(second));
        assertTrue(header(second, "Retry-After") > 30, second.headers().toString());
        assertEquals(200, get("/models", key).statusCode(), "a look at what there is costs no request");
    }

    @Test
    void aKeyForOtherModelsKnowsOfNoneHere() throws Exception {
        String key = known("elsewhere", Quota.UNLIMITED, "other");
        assertEquals(0, MAPPER.readTree(get("/models", key).body()).path("data").size());
        assertEquals(404, get("/models/stories", key).statusCode());
        HttpResponse<String> refused = ask(key, ",\"max_tokens\":1}");
        assertEquals(404, refused.statusCode());
        assertEquals("model_not_found", code(refused));
        String here = known("here", Quota.UNLIMITED, "stories");
        assertEquals(
                1, MAPPER.readTree(get("/models", here).body()).path("data").size());
        assertEquals(200, ask(here, ",\"max_tokens\":1}").statusCode());
    }

    @Test
    void oneTenantsManyRequestsDoNotHoldUpAnothers() throws Exception {
        String busy = known("busy", Quota.UNLIMITED);
        String calm = known("calm", Quota.UNLIMITED);
        CompletableFuture<?>[] many = new CompletableFuture<?>[40];
        AtomicInteger answered = new AtomicInteger();
        for (int i = 0; i < many.length; i++) {
            many[i] = http.sendAsync(asking(busy, ",\"max_tokens\":400}"), HttpResponse.BodyHandlers.ofString())
                    .thenAccept(answer -> {
                        assertEquals(200, answer.statusCode(), answer.body());
                        answered.incrementAndGet();
                    });
        }
        CompletableFuture.anyOf(many).get();
        assertEquals(200, ask(calm, ",\"max_tokens\":10}").statusCode());
        int before = answered.get();
        CompletableFuture.allOf(many).get();
        assertTrue(before < many.length / 2, before + " of the other tenant's were answered before");
    }

    @Test
    void aClientThatGoesAwayPaysForWhatWasComputedAndNoMore() throws Exception {
        String key = known("gone", new Quota(0, 2000, 0, 1));
        String body = QUESTION.replace("\"temperature\":0", "\"temperature\":9,\"seed\":3")
                + ",\"max_tokens\":400,\"stream\":true}";
        try (Socket socket = TestCertificates.client().getSocketFactory().createSocket("localhost", server.port())) {
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key
                                    + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            socket.getInputStream().readNBytes(1500);
        }
        HttpResponse<String> next;
        do {
            // Its one place is free again soon.
            Thread.sleep(50);
            next = ask(key, ",\"max_tokens\":1}");
        } while (next.statusCode() == 429);
        long left = header(next, "x-ratelimit-remaining-tokens");
        assertTrue(left > 1600 && left < 1990, left + " left");
    }

    @Test
    void aClientThatDoesNotReadHoldsNoPlaceOnceItsAnswerIsComputed() throws Exception {
        String slow = known("slow", Quota.UNLIMITED);
        String other = known("other", Quota.UNLIMITED);
        String body = QUESTION.replace("\"temperature\":0", "\"temperature\":9,\"seed\":3")
                + ",\"max_tokens\":400,\"n\":16,\"stream\":true,\"logprobs\":true,\"top_logprobs\":20}";
        try (Socket plain = new Socket()) {
            plain.setReceiveBufferSize(4096);
            plain.connect(new InetSocketAddress("localhost", server.port()));
            Socket socket =
                    TestCertificates.client().getSocketFactory().createSocket(plain, "localhost", server.port(), true);
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + slow
                                    + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            socket.getInputStream().readNBytes(100);
            long began = System.nanoTime();
            assertEquals(200, ask(other, ",\"max_tokens\":1}").statusCode());
            long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
            // A client that takes nothing is ended after 30 s, which would free its place too.
            assertTrue(ms < 20_000, ms + " ms");
        }
    }

    @Test
    void aRevokedKeyIsRefusedWithinSeconds() throws Exception {
        String key = known("revoked", Quota.UNLIMITED);
        assertEquals(200, get("/models", key).statusCode());
        TenantFile.remove(keys, "revoked");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (get("/models", key).statusCode() == 200 && System.nanoTime() < end) {
            Thread.sleep(100);
        }
        assertEquals(401, get("/models", key).statusCode());
    }

    @Test
    void openAisOwnClientKnowsARefusedKeyAndWaitsAsLongAsItIsTold() throws Exception {
        String key = known("openai", new Quota(30, 0, 0, 0));
        String poor = known("poor", new Quota(0, 0, 10, 0));
        NpmClients.check("openai-tenants", base(), certificate, key, poor);
    }
}
