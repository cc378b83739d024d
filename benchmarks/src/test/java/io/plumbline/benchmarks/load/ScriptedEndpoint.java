package io.plumbline.benchmarks.load;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * An endpoint that answers as a test has it: what no real one does on demand, such as to stall or to break off. It
 * takes any API key but "wrong".
 */
final class ScriptedEndpoint implements AutoCloseable {
    private static final String WRONG = "Bearer wrong";

    private final HttpServer server;
    private final ExecutorService threads;

    /** How it answers. */
    interface Script {
        void answer(HttpExchange http) throws IOException, InterruptedException;
    }

    /** @param threads that answer: with one, a request waits for those before it. */
    ScriptedEndpoint(int threads, Script script) throws IOException {
        this.threads = Executors.newFixedThreadPool(threads);
        server = HttpServer.create(new InetSocketAddress("localhost", 0), 0);
        server.setExecutor(this.threads);
        server.createContext("/", http -> {
            try (http) {
                if (WRONG.equals(http.getRequestHeaders().getFirst("Authorization"))) {
                    json(http, 401, "{\"error\":{\"message\":\"This key is nobody's.\"}}");
                } else if (http.getRequestURI().getPath().endsWith("/models")) {
                    json(http, 200, "{\"data\":[{\"id\":\"scripted\"}]}");
                } else {
                    script.answer(http);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }

    String url() {
        return "http://localhost:" + server.getAddress().getPort() + "/v1";
    }

    static String body(HttpExchange http) throws IOException {
        return new String(http.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    }

    static void json(HttpExchange http, int status, String json) throws IOException {
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        http.sendResponseHeaders(status, bytes.length);
        http.getResponseBody().write(bytes);
    }

    /** A stream of events; the last is [DONE] where {@code isWhole}. */
    static void stream(HttpExchange http, boolean isWhole, String... events) throws IOException {
        http.getRequestBody().readAllBytes();
        http.sendResponseHeaders(200, 0);
        OutputStream out = http.getResponseBody();
        for (String event : events) {
            out.write(("data: " + event + "\n\n").getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
        if (isWhole) {
            out.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
        }
    }

    /** An event with a piece of text. */
    static String piece(String text) {
        return "{\"choices\": [{\"delta\": {\"content\": \"" + text + "\"}}]}";
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
