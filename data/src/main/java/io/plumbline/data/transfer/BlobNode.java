package io.plumbline.data.transfer;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * A data node's blobs over HTTP. It is given so long in all to connect, to shake hands and to begin an answer, keeps a
 * least pace from then on, and its JSON is bounded; it is not followed anywhere else. A time for each read alone would
 * begin anew with every byte, of a TLS record or a chunk's head too. For several threads at once; an interrupt, or
 * closing a range from another thread, ends what is waited for.
 */
public final class BlobNode implements BlobSource {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CONNECT_MS = 5_000;
    private static final int STALL_MS = 30_000;
    private static final int MOST_JSON_BYTES = 4 << 20;

    /** Bytes of a range that are sent at least, beside {@link #STALL_MS}: others share the line. */
    private static final int RANGE_BYTES_A_SECOND = 4 << 10;

    /** Of JSON. */
    private static final int JSON_BYTES_A_SECOND = 64 << 10;

    /** Looks at ranges that are waited for, and ends those whose sender drips. */
    private static final ScheduledThreadPoolExecutor ENDS = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("blob-ends").factory());

    static {
        ENDS.setRemoveOnCancelPolicy(true);
    }

    private static final int BUFFER_BYTES = 256 << 10;
    private static final String STREAM_TYPE = "application/octet-stream";

    private final URI base;
    private final String apiKey;
    private final boolean mayHaveTls;

    /** Where it is asked, once that is known. */
    private URI reached;

    /**
     * @param base such as {@code http://192.0.2.7:9200}.
     * @param apiKey for what changes the node's store; null where it needs none.
     * @throws IllegalArgumentException where {@code base} is no HTTP address.
     */
    public BlobNode(String base, String apiKey) {
        this(base, apiKey, false);
    }

    private BlobNode(String base, String apiKey, boolean mayHaveTls) {
        this.mayHaveTls = mayHaveTls;
        try {
            this.base = new URI(base.endsWith("/") ? base.substring(0, base.length() - 1) : base);
        } catch (URISyntaxException e) {
            throw notAnAddress(base, e);
        }
        if (this.base.getHost() == null || !Set.of("http", "https").contains(String.valueOf(this.base.getScheme()))) {
            throw notAnAddress(base, null);
        }
        this.apiKey = apiKey;
    }

    /**
     * A node that a ledger names, which does not say whether it has TLS: it is asked in the form that it answers to.
     *
     * @param host address or name.
     */
    public static BlobNode announced(String host, int port) {
        boolean isV6 = host.indexOf(':') >= 0;
        return new BlobNode("http://" + (isV6 ? "[" + host + "]" : host) + ":" + port, null, true);
    }

    private static IllegalArgumentException notAnAddress(String base, Exception cause) {
        return new IllegalArgumentException(
                "\"" + base + "\" is no data node's address. Write it as http://HOST:PORT.", cause);
    }

    @Override
    public String name() {
        return base.toString();
    }

    /** Thrown for what a node will not do, however often it is asked. */
    public static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /** Thrown where a node does not answer at all. */
    public static final class NotReachedException extends IOException {
        private static final long serialVersionUID = 1;

        NotReachedException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** A blob as a node describes it. */
    public record Remote(long bytes, boolean isDamaged, List<String> pins, long presentBytes) {}

    /**
     * Asks the node for its part of a blob.
     *
     * @throws NoSuchBlobException where it has nothing of it.
     */
    public Remote stat(Bytes32 id) throws IOException {
        return read("GET", "/v1/blobs/" + id + "/stat", id, found -> {
            List<String> pins = new ArrayList<>();
            found.path("pins").forEach(pin -> pins.add(pin.asText()));
            long bytes = found.path("bytes").asLong(-1);
            ChunkGroups.count(bytes);
            return new Remote(
                    bytes,
                    found.path("damaged").asBoolean(),
                    pins,
                    found.path("present_bytes").asLong());
        });
    }

    @Override
    public long bytes(Bytes32 id) throws IOException {
        Remote found = stat(id);
        if (found.isDamaged() || found.presentBytes() < found.bytes()) {
            throw new NoSuchBlobException(id, name() + " whole");
        }
        return found.bytes();
    }

    @Override
    public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
        InputStream answer = answer(
                "GET",
                "/v1/blobs/" + id + "/verified?from=" + range.from() + "&to=" + range.to(),
                null,
                null,
                id,
                RANGE_BYTES_A_SECOND);
        return new BufferedInputStream(answer, BUFFER_BYTES);
    }

    /**
     * The part of a blob that a node lacks.
     *
     * @param presentBytes that it has.
     * @param ranges the first that it lacks; none where it has the blob whole.
     */
    public record Missing(long presentBytes, List<ByteRange> ranges) {}

    /**
     * Has the node begin, or go on, to receive a blob.
     *
     * @param bytes that it has.
     */
    public Missing missing(Bytes32 id, long bytes) throws IOException {
        return read("POST", "/v1/blobs/" + id + "/receive?bytes=" + bytes, id, found -> {
            List<ByteRange> ranges = new ArrayList<>();
            for (JsonNode range : found.path("missing")) {
                ByteRange one = new ByteRange(
                        range.path("from").asLong(), range.path("to").asLong());
                if (one.to() > bytes) {
                    throw new IllegalArgumentException("it lacks bytes beyond the blob's end");
                }
                ranges.add(one);
            }
            return new Missing(found.path("present_bytes").asLong(), ranges);
        });
    }

    /** Ids of the first blobs that have a pin. */
    public List<Bytes32> pinned(String pin) throws IOException {
        return read("GET", "/v1/blobs?pin=" + encoded(pin), null, found -> {
            List<Bytes32> ids = new ArrayList<>();
            found.path("list")
                    .forEach(one -> ids.add(BlobIds.parse(one.path("id").asText())));
            return ids;
        });
    }

    private static String encoded(String name) {
        return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** A range that is to be sent. */
    @FunctionalInterface
    public interface Body {
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Sends a range, which is in memory meanwhile.
     *
     * @param encodedBytes that {@code body} has.
     */
    public void send(Bytes32 id, long bytes, ByteRange range, long encodedBytes, Body body) throws IOException {
        ByteArrayOutputStream encoded = new ByteArrayOutputStream(Math.toIntExact(encodedBytes));
        body.writeTo(encoded);
        String path = "/v1/blobs/" + id + "/verified?bytes=" + bytes + "&from=" + range.from() + "&to=" + range.to();
        try (InputStream in = answer("PUT", path, encoded.toByteArray(), STREAM_TYPE, id, JSON_BYTES_A_SECOND)) {
            in.readNBytes(MOST_JSON_BYTES);
        }
    }

    /** Keeps a blob for something. */
    public void pin(Bytes32 id, String name) throws IOException {
        json("PUT", pinPath(id, name), id);
    }

    /** Keeps a blob no longer for something. */
    public void unpin(Bytes32 id, String name) throws IOException {
        json("DELETE", pinPath(id, name), id);
    }

    private static String pinPath(Bytes32 id, String name) {
        return "/v1/blobs/" + id + "/pins/" + encoded(name);
    }

    /** Removes a blob, or what was received of it. */
    public void delete(Bytes32 id) throws IOException {
        json("DELETE", "/v1/blobs/" + id, id);
    }

    /**
     * A page of the blobs that the node has, as it lists them.
     *
     * @param after null for the first page.
     */
    public JsonNode list(Bytes32 after) throws IOException {
        return json("GET", "/v1/blobs" + (after == null ? "" : "?after=" + after), null);
    }

    /** Makes sense of an answer: a node that is none, or lies, is no fault of the caller's. */
    private <T> T read(String method, String path, Bytes32 id, Function<JsonNode, T> reader) throws IOException {
        JsonNode found = json(method, path, id);
        try {
            return reader.apply(found);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    name() + " is no data node: what it answers to " + path + " is wrong: " + e.getMessage(), e);
        }
    }

    private JsonNode json(String method, String path, Bytes32 id) throws IOException {
        byte[] body = method.equals("POST") || method.equals("PUT") ? new byte[0] : null;
        try (InputStream in = answer(method, path, body, "application/json", id, JSON_BYTES_A_SECOND)) {
            byte[] bytes = in.readNBytes(MOST_JSON_BYTES);
            return bytes.length == 0 ? JSON.createObjectNode() : JSON.readTree(bytes);
        } catch (JacksonException e) {
            throw new IOException(name() + " is no data node: what it answers to " + path + " is no JSON.", e);
        }
    }

    /** Connects and sends a request. */
    private HttpURLConnection open(String method, String path, byte[] body, String type) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) URI.create(reached() + path).toURL().openConnection();
        if (mayHaveTls) {
            HidingTls.apply(connection);
        }
        connection.setRequestMethod(method);
        connection.setConnectTimeout(CONNECT_MS);
        connection.setReadTimeout(STALL_MS);
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        connection.setRequestProperty("Accept", "*/*");
        if (apiKey != null) {
            connection.setRequestProperty("Authorization", "Bearer " + apiKey);
        }
        if (body != null) {
            connection.setDoOutput(true);
            connection.setFixedLengthStreamingMode(body.length);
            connection.setRequestProperty("Content-Type", type);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            } catch (IOException e) {
                requireAnswer(connection, e);
            }
        }
        return connection;
    }

    /** A node that refuses a body may not read it, and say why. */
    private static void requireAnswer(HttpURLConnection connection, IOException unsent) throws IOException {
        try {
            connection.getResponseCode();
        } catch (IOException e) {
            throw unsent;
        }
    }

    private synchronized URI reached() throws IOException {
        if (reached == null) {
            try {
                boolean isTls = mayHaveTls && HidingTls.isSpokenBy(base, CONNECT_MS, ENDS);
                reached = isTls ? URI.create(base.toString().replaceFirst("^http:", "https:")) : base;
            } catch (IOException e) {
                throw notReached(e);
            }
        }
        return reached;
    }

    /**
     * Asks, and returns the body of an answer that is no refusal.
     *
     * @param body null for none.
     * @param bytesASecond that the body of the answer has at least.
     */
    private InputStream answer(String method, String path, byte[] body, String type, Bytes32 id, int bytesASecond)
            throws IOException {
        reached();
        Exchange exchange = Exchange.begin(() -> open(method, path, body, type));
        long sent = body == null ? 0 : body.length;
        int status;
        try {
            status = exchange.status(STALL_MS + TimeUnit.SECONDS.toMillis(1) * sent / RANGE_BYTES_A_SECOND);
        } catch (TimeoutException e) {
            throw new NotReachedException(name() + " cannot be reached: it does not answer in time.", e);
        } catch (IOException e) {
            throw notReached(e);
        }
        InputStream answer = new PacedInput(
                        exchange, TimeUnit.MILLISECONDS.toNanos(STALL_MS), bytesASecond, System::nanoTime)
                .watchedBy(ENDS);
        if (status >= 200 && status < 300) {
            return answer;
        }
        try (answer) {
            if (status == 404 && id != null) {
                throw new NoSuchBlobException(id, name());
            }
            String refusal = name() + " refuses (" + status + "): " + reason(answer);
            if (status < 500) {
                throw new RefusedException(refusal);
            }
            throw new IOException(refusal);
        }
    }

    private IOException notReached(Throwable why) {
        String what = why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
        return new NotReachedException(name() + " cannot be reached: " + what + ".", why);
    }

    private static String reason(InputStream in) throws IOException {
        try {
            JsonNode read = JSON.readTree(in.readNBytes(64 << 10));
            String message = read instanceof ObjectNode object
                    ? object.path("error").path("message").asText(null)
                    : null;
            return message == null ? "it does not say why." : message;
        } catch (JacksonException e) {
            return "it does not say why.";
        }
    }
}
