package io.plumbline.node.data;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/** A data node that says that it has every blob, of one length, and sends zeros for each. */
public final class LyingNode implements AutoCloseable {
    private static final int RANGE_BYTES = 64 << 10;

    private final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    private final long bytes;
    private final Map<String, List<Bytes32>> pinned;

    /**
     * @param bytes that it says each blob has.
     * @param pinned what it says it has, by pins.
     */
    public LyingNode(long bytes, Map<String, List<Bytes32>> pinned) throws IOException {
        this.bytes = bytes;
        this.pinned = pinned;
        server.createContext("/", this::answer);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    public BlobNode node() {
        return new BlobNode("http://127.0.0.1:" + server.getAddress().getPort(), null);
    }

    private void answer(HttpExchange asked) throws IOException {
        String path = asked.getRequestURI().getPath();
        String query = asked.getRequestURI().getRawQuery();
        byte[] body;
        if (path.endsWith("/verified")) {
            body = new byte[RANGE_BYTES];
        } else if (query != null && query.startsWith("pin=")) {
            String pin = URLDecoder.decode(query.substring("pin=".length()), StandardCharsets.UTF_8);
            body = pinned.getOrDefault(pin, List.of()).stream()
                    .map(id -> "{\"id\": \"" + id + "\"}")
                    .collect(Collectors.joining(", ", "{\"list\": [", "]}"))
                    .getBytes(StandardCharsets.US_ASCII);
        } else {
            body = ("{\"bytes\": " + bytes + ", \"present_bytes\": " + bytes + "}").getBytes(StandardCharsets.US_ASCII);
        }
        asked.sendResponseHeaders(200, body.length);
        asked.getResponseBody().write(body);
        asked.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
