package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.tls.TestCertificates;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which web pages may use a server from a browser, and that others have nothing done for them. */
class OriginsTest {
    private static HttpResponse<String> send(TestServer server, String method, String path, String... headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + server.server.port() + path))
                .method(method, HttpRequest.BodyPublishers.ofString(method.equals("POST") ? "{}" : ""));
        if (headers.length > 0) {
            request.headers(headers);
        }
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    /** A name proves nothing where no certificate shows it: another's page may have had its own name lead here. */
    @Test
    void aServersOwnPageMayUseItWhereItsAddressOrItsCertificateShowsThatItIsOurs() {
        for (String host : List.of("203.0.113.5:8080", "10.0.0.7", "[2001:db8::1]:8080")) {
            assertTrue(Origins.isOwn("http://" + host, host, false), host);
            assertFalse(Origins.isOwn("https://" + host, host, false), host);
        }
        assertTrue(Origins.isOwn("https://gateway.example", "gateway.example", true));
        assertFalse(Origins.isOwn("http://gateway.example", "gateway.example", true));
        assertFalse(Origins.isOwn("https://evil.example", "gateway.example", true));
        for (String host : List.of("evil.example:8080", "10.0.0.7.evil.example", "1.2.3.4x", "")) {
            assertFalse(Origins.isOwn("http://" + host, host, false), host);
        }
        assertFalse(Origins.isOwn("http://10.0.0.7", "10.0.0.8", false));
        assertFalse(Origins.isOwn("http://10.0.0.7", null, false));
    }

    private static int posted(TestServer server, String scheme, String host) throws IOException {
        return RawClient.ask(
                        server.server,
                        "POST /echo HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + scheme + "://" + host
                                + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                                + "Connection: close\r\n\r\n{}")
                .status();
    }

    @Test
    void whatAServersOwnPagePostsIsTaken(@TempDir Path folder) throws Exception {
        try (TestServer server = new TestServer()) {
            assertEquals(200, posted(server, "http", "203.0.113.5:8080"));
            assertEquals(403, posted(server, "http", "gateway.example"));
        }
        SSLContext tls = TestCertificates.make(folder, "EC", "gateway.example").context();
        try (TestServer server = new TestServer(TestServer.LIMITS, tls)) {
            assertEquals(200, posted(server, "https", "gateway.example"));
            assertEquals(403, posted(server, "http", "gateway.example"));
            assertEquals(400, posted(server, "https", "evil.example"), "the certificate is of another name");
        }
    }

    @Test
    void pagesThatAreAllowedReadTheAnswer() throws Exception {
        try (TestServer server = new TestServer()) {
            for (String origin :
                    List.of("https://app.example", "http://localhost:5173", "http://127.0.0.1", "http://[::1]:80")) {
                HttpResponse<String> answer = send(server, "POST", "/echo", "Origin", origin);
                assertEquals(200, answer.statusCode(), origin);
                assertEquals(
                        origin,
                        answer.headers()
                                .firstValue("Access-Control-Allow-Origin")
                                .orElse(""));
                assertEquals("Origin", answer.headers().firstValue("Vary").orElse(""));
                HttpResponse<String> asked = send(
                        server,
                        "OPTIONS",
                        "/echo",
                        "Origin",
                        origin,
                        "Access-Control-Request-Method",
                        "POST",
                        "Access-Control-Request-Headers",
                        "authorization, content-type");
                assertEquals(204, asked.statusCode());
                assertEquals(
                        "authorization, content-type",
                        asked.headers()
                                .firstValue("Access-Control-Allow-Headers")
                                .orElse(""));
                assertTrue(asked.headers()
                        .firstValue("Access-Control-Allow-Methods")
                        .orElse("")
                        .contains("POST"));
            }
        }
    }

    @Test
    void aPageReadsTheHeadersOfAnAnswerAndOfARefusal() throws Exception {
        try (TestServer server = new TestServer()) {
            for (String path : List.of("/hello", "/refused", "/nowhere", "/boom")) {
                HttpResponse<String> answer = send(server, "GET", path, "Origin", "https://app.example");
                assertEquals(
                        "*",
                        answer.headers()
                                .firstValue("Access-Control-Expose-Headers")
                                .orElse(""),
                        path);
                assertEquals(
                        "https://app.example",
                        answer.headers()
                                .firstValue("Access-Control-Allow-Origin")
                                .orElse(""),
                        path);
            }
        }
    }

    @Test
    void aBrowserKeepsLeaveForADayAndIsNotAskedForAKeyFirst() throws Exception {
        try (TestServer server = new TestServer()) {
            HttpResponse<String> asked = send(
                    server,
                    "OPTIONS",
                    "/echo",
                    "Origin",
                    "https://app.example",
                    "Access-Control-Request-Method",
                    "POST",
                    "Access-Control-Request-Headers",
                    "authorization,content-type,x-stainless-os,anthropic-version");
            assertEquals(204, asked.statusCode());
            assertEquals(
                    "86400",
                    asked.headers().firstValue("Access-Control-Max-Age").orElse(""));
            assertTrue(asked.headers()
                    .firstValue("Access-Control-Allow-Headers")
                    .orElse("")
                    .contains("anthropic-version"));
        }
    }

    @Test
    void nothingIsDoneForOthers() throws Exception {
        try (TestServer server = new TestServer()) {
            for (String origin : List.of(
                    "https://evil.example",
                    "http://app.example",
                    "https://app.example.evil.example",
                    "http://localhost.evil.example",
                    "http://localhost@evil.example",
                    "null",
                    "nonsense")) {
                for (String method : List.of("GET", "OPTIONS")) {
                    HttpResponse<String> answer =
                            send(server, method, "/second", "Origin", origin, "Access-Control-Request-Method", "GET");
                    assertEquals(403, answer.statusCode(), origin);
                    assertTrue(answer.body().contains("--allow-origin"), answer.body());
                    assertFalse(answer.headers()
                            .firstValue("Access-Control-Allow-Origin")
                            .isPresent());
                }
            }
            assertEquals(0, server.seconds.get());
        }
    }

    @Test
    void whatAFormSendsIsNoRequest() throws Exception {
        try (TestServer server = new TestServer()) {
            for (String type : List.of(
                    "text/plain",
                    "Text/Plain; charset=utf-8",
                    "application/x-www-form-urlencoded",
                    "multipart/form-data; boundary=x")) {
                assertEquals(
                        415, send(server, "POST", "/echo", "Content-Type", type).statusCode(), type);
            }
            for (String type : List.of("application/json", "application/octet-stream")) {
                assertEquals(
                        200, send(server, "POST", "/echo", "Content-Type", type).statusCode(), type);
            }
            assertEquals(200, send(server, "POST", "/echo").statusCode());
        }
    }

    @Test
    void whatIsNoOriginIsRefused() {
        for (String wrong : List.of("app.example", "https://app.example/", "ftp://app.example", "")) {
            assertThrows(IllegalArgumentException.class, () -> new Origins(Set.of(wrong)), wrong);
        }
        assertTrue(new Origins(Set.of("*")).allow("https://any.example"));
    }
}
