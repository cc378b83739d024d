package io.plumbline.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server that says what a test has it say. */
public final class ScriptedServer implements AutoCloseable {
    public static final KeyPair NODE = KeyPair.random();
    private static final HexFormat HEX = HexFormat.of();

    /** Requests so far, one entry each: method, path, authorization, body. */
    public final List<String> heard = new CopyOnWriteArrayList<>();

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /** Answers one request. */
    public interface Script {
        void answer(HttpExchange http) throws IOException, InterruptedException;
    }

    public ScriptedServer(Script script) {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", http -> {
            String body = new String(http.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            heard.add(http.getRequestMethod() + " " + http.getRequestURI() + " "
                    + http.getRequestHeaders().getFirst("Authorization") + " " + body);
            try (http) {
                script.answer(http);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }

    public PlumblineClientBuilder client() {
        return PlumblineClient.builder()
                .checkContent(false)
                .baseUrl("http://localhost:" + server.getAddress().getPort() + "/v1/");
    }

    public static void send(HttpExchange http, int status, String body) throws IOException {
        send(http, status, body.getBytes(StandardCharsets.UTF_8));
    }

    public static void send(HttpExchange http, int status, byte[] body) throws IOException {
        http.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        http.getResponseBody().write(body);
    }

    /** Begins a stream, of which the script writes the rest. */
    public static void stream(HttpExchange http, String begin) throws IOException {
        http.sendResponseHeaders(200, 0);
        http.getResponseBody().write(begin.getBytes(StandardCharsets.UTF_8));
        http.getResponseBody().flush();
    }

    /** A receipt of {@link #NODE} for a request of which nothing is known but its hash. */
    public static Receipt receipt(Bytes32 requestHash) {
        Bytes32 any = Bytes32.ZERO;
        return new Receipt(1, any, requestHash, any.bytes(), any.bytes(), 7, 3, 4, 14, null, null).sign(NODE);
    }

    /** The extension that stands beside an answer. */
    public static String extension(Bytes32 requestHash, Receipt receipt) {
        return extension(requestHash.toString(), HEX.formatHex(receipt.encode()));
    }

    public static String extension(String requestHash, String receipt) {
        return "\"plumbline\":{\"request_hash\":\"" + requestHash + "\",\"receipt\":\"" + receipt + "\"}";
    }

    /** A whole answer. */
    public static String answer(String text, String extension) {
        return "{\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                + "\"content\":\"" + text + "\"},\"finish_reason\":\"stop\"}],"
                + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}," + extension + "}";
    }

    /** An event with a piece of an answer. */
    public static String piece(String text) {
        return "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text
                + "\"},\"finish_reason\":null}]}\n\n";
    }

    /** The events that end an answer. */
    public static String end(String extension) {
        return "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
                + "\"finish_reason\":\"stop\"}]," + extension + "}\n\n"
                + "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[],"
                + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
