package io.plumbline.node.data;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.NoRoomException;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;

/**
 * A store over HTTP. Blobs are read as they are, whole or by Range, or by ranges that the id proves; they are received
 * by such ranges alone, in any order, so that nothing unproven is ever written. docs/data-node.md has the routes.
 */
final class BlobApi {
    /** Bytes of a range that is received: so much of it is in memory at once. */
    static final int MOST_RECEIVED_BYTES = 4 << 20;

    /** Bytes of its encoding: parents along its edges and within it. */
    static final int MOST_ENCODED_BYTES = MOST_RECEIVED_BYTES + (MOST_RECEIVED_BYTES >> 7) + (16 << 10);

    private static final int MOST_MISSING_RANGES = 1000;
    private static final int LISTED_AT_ONCE = 1000;
    private static final int PIECE_BYTES = 256 << 10;
    private static final String STREAM_TYPE = "application/octet-stream";

    private final BlobStore store;

    BlobApi(BlobStore store) {
        this.store = store;
    }

    /** Wraps what changes the store. */
    interface Guard {
        HttpHandler guard(HttpHandler handler);
    }

    void addTo(HttpRoutes routes, Guard writers) {
        routes.get("/v1/blobs", refusing(this::list))
                .get("/v1/blobs/{id}", refusing(this::read))
                .get("/v1/blobs/{id}/verified", refusing(this::readVerified))
                .get("/v1/blobs/{id}/stat", refusing(this::stat))
                .post("/v1/blobs/{id}/receive", writers.guard(refusing(this::begin)))
                .put("/v1/blobs/{id}/verified", writers.guard(refusing(this::receive)))
                .put("/v1/blobs/{id}/pins/{name}", writers.guard(refusing(this::pin)))
                .delete("/v1/blobs/{id}/pins/{name}", writers.guard(refusing(this::unpin)))
                .delete("/v1/blobs/{id}", writers.guard(refusing(this::delete)));
    }

    /** Gives what goes wrong with a blob its status. */
    private static HttpHandler refusing(HttpHandler handler) {
        return http -> {
            try {
                handler.handle(http);
            } catch (NoSuchBlobException e) {
                throw new HttpException(404, e.getMessage());
            } catch (NoRoomException | DiskFailedException e) {
                throw new HttpException(507, e.getMessage());
            } catch (WrongBytesException | EOFException e) {
                throw new HttpException(422, e.getMessage());
            } catch (IllegalArgumentException e) {
                throw new HttpException(400, e.getMessage());
            }
        };
    }

    private static Bytes32 id(HttpExchange http) {
        return BlobIds.parse(http.parameter("id"));
    }

    private static long number(HttpExchange http, String name, long otherwise) {
        String text = http.query(name);
        if (text == null && otherwise >= 0) {
            return otherwise;
        }
        if (text == null || !text.matches("\\d{1,18}")) {
            throw new HttpException(400, "The query needs " + name + "=N, a number of bytes.");
        }
        return Long.parseLong(text);
    }

    private void list(HttpExchange http) throws IOException {
        String after = http.query("after");
        String pin = http.query("pin");
        List<BlobStat> page = pin != null
                ? store.pinned(pin, LISTED_AT_ONCE)
                : store.list(after == null ? null : BlobIds.parse(after), LISTED_AT_ONCE);
        BlobStore.Usage usage = store.usage();
        ObjectNode json = BlobJson.object()
                .put("blobs", usage.blobs())
                .put("bytes", usage.bytes())
                .put("quota_bytes", usage.quotaBytes());
        ArrayNode list = json.putArray("list");
        page.forEach(stat -> list.add(BlobJson.of(stat)));
        json.put(
                "next",
                pin != null || page.size() < LISTED_AT_ONCE
                        ? null
                        : page.getLast().id().toString());
        BlobJson.send(http, 200, json);
    }

    private void stat(HttpExchange http) throws IOException {
        Bytes32 id = id(http);
        BlobStat stat = store.stat(id);
        PartialBlob partial = store.receiving(id);
        if (stat == null && partial == null) {
            throw new NoSuchBlobException(id, "this node's store");
        }
        ObjectNode json = stat == null
                ? BlobJson.object().put("id", id.toString()).put("bytes", partial.bytes())
                : BlobJson.of(stat);
        json.put("present_bytes", partial == null ? stat.bytes() : partial.presentBytes());
        BlobJson.send(http, 200, json);
    }

    private void read(HttpExchange http) throws IOException {
        try (StoredBlob blob = store.open(id(http))) {
            ByteRange range = RequestedRange.of(http.requestHeader("Range"), blob.bytes());
            http.responseHeader("Content-Type", STREAM_TYPE);
            http.responseHeader("Accept-Ranges", "bytes");
            http.responseHeader("ETag", '"' + blob.id().toString() + '"');
            http.responseHeader("Cache-Control", "public, max-age=31536000, immutable");
            ByteRange sent = range == null ? new ByteRange(0, blob.bytes()) : range;
            if (range != null) {
                http.responseHeader(
                        "Content-Range", "bytes " + range.from() + "-" + (range.to() - 1) + "/" + blob.bytes());
            }
            http.responseHeader("Content-Length", Long.toString(sent.length()));
            try (OutputStream out = http.stream(range == null ? 200 : 206)) {
                if (!http.method().equals("HEAD")) {
                    copy(blob, sent, out);
                }
            }
        }
    }

    private static void copy(StoredBlob blob, ByteRange range, OutputStream out) throws IOException {
        byte[] piece = new byte[(int) Math.min(PIECE_BYTES, range.length())];
        for (long at = range.from(); at < range.to(); ) {
            int length = (int) Math.min(piece.length, range.to() - at);
            blob.read(at, piece, 0, length);
            out.write(piece, 0, length);
            at += length;
        }
    }

    private void readVerified(HttpExchange http) throws IOException {
        try (StoredBlob blob = store.open(id(http))) {
            ByteRange range = new ByteRange(number(http, "from", 0), number(http, "to", blob.bytes()));
            long encoded = decoder(blob.id(), blob.bytes(), range).encodedBytes();
            http.responseHeader("Content-Type", STREAM_TYPE);
            http.responseHeader("Content-Length", Long.toString(encoded));
            http.responseHeader("Blob-Bytes", Long.toString(blob.bytes()));
            try (OutputStream out = http.stream(200)) {
                if (!http.method().equals("HEAD")) {
                    blob.encode(range, (bytes, length) -> out.write(bytes, 0, length));
                }
            }
        }
    }

    private static RangeDecoder decoder(Bytes32 id, long bytes, ByteRange range) {
        return new RangeDecoder(id.bytes(), bytes, range.from(), range.to());
    }

    /** Says what is missing of a blob that is to be received; nothing where it is here. */
    private void begin(HttpExchange http) throws IOException {
        Bytes32 id = id(http);
        long bytes = number(http, "bytes", -1);
        BlobStat stat = store.stat(id);
        ObjectNode json = BlobJson.object().put("id", id.toString());
        if (stat != null && !stat.isDamaged()) {
            BlobJson.put(json, List.of());
            BlobJson.send(http, 200, json.put("bytes", stat.bytes()).put("present_bytes", stat.bytes()));
            return;
        }
        PartialBlob partial = store.receive(id, bytes);
        commitIfWhole(partial);
        BlobJson.put(json, partial.missing(MOST_RECEIVED_BYTES, MOST_MISSING_RANGES));
        BlobJson.send(http, 200, json.put("bytes", bytes).put("present_bytes", partial.presentBytes()));
    }

    private void receive(HttpExchange http) throws IOException {
        Bytes32 id = id(http);
        long bytes = number(http, "bytes", -1);
        ByteRange range = new ByteRange(number(http, "from", -1), number(http, "to", -1));
        long encoded = decoder(id, bytes, range).encodedBytes();
        if (encoded > MOST_ENCODED_BYTES) {
            throw new HttpException(
                    413,
                    "A range of " + range.length() + " bytes is too large; " + MOST_RECEIVED_BYTES + " are the most.");
        }
        BlobStat stat = store.stat(id);
        ObjectNode json = BlobJson.object().put("id", id.toString()).put("bytes", bytes);
        if (stat != null && !stat.isDamaged()) {
            BlobJson.send(http, 200, json.put("present_bytes", stat.bytes()));
            return;
        }
        PartialBlob partial = store.receive(id, bytes);
        byte[] body = http.body((int) encoded);
        if (body.length < encoded) {
            throw new HttpException(
                    422, "The range has " + encoded + " bytes with its proof; " + body.length + " came.");
        }
        partial.receive(range, new ByteArrayInputStream(body), Progress.none());
        commitIfWhole(partial);
        BlobJson.send(http, 200, json.put("present_bytes", partial.presentBytes()));
    }

    private static void commitIfWhole(PartialBlob partial) throws IOException {
        if (partial.isWhole()) {
            partial.commit();
        }
    }

    private void pin(HttpExchange http) throws IOException {
        store.pin(id(http), pinName(http));
        stat(http);
    }

    private void unpin(HttpExchange http) throws IOException {
        store.unpin(id(http), pinName(http));
        stat(http);
    }

    private static String pinName(HttpExchange http) {
        String name = http.parameter("name");
        if (name.startsWith(DealKeeper.PIN)) {
            throw new HttpException(403, "Pins that begin with \"" + DealKeeper.PIN + "\" are this node's own.");
        }
        return name;
    }

    /** A blob that a deal keeps stays: a challenge that is not answered costs the node its collateral. */
    private void delete(HttpExchange http) throws IOException {
        Bytes32 id = id(http);
        boolean isThere = store.receiving(id) == null || store.stat(id) != null;
        // Looked at and removed at once: a deal may be pinning it now.
        if (isThere && !store.deleteUnlessPinned(id, DealKeeper.PIN)) {
            throw new HttpException(409, "Blob " + id + " is kept for pay: it stays until its deals are over.");
        }
        store.forget(id);
        BlobJson.send(http, 200, BlobJson.object().put("id", id.toString()));
    }

    /** Where nothing may be changed from outside. */
    static Guard nobody() {
        return handler -> http -> {
            throw new HttpException(
                    403,
                    "This data node's store is not changed from outside: start it with --api-keys FILE, or with"
                            + " --host on a loopback address.",
                    Map.of("Connection", "close"));
        };
    }
}
