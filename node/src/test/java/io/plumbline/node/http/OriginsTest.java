package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

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
