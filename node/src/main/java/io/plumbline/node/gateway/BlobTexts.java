package io.plumbline.node.gateway;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Short blobs from whichever data node has them. Nothing that a node gives is believed, and none holds a request up for
 * long: one after the other is asked, one that is slow or fails last for a minute, and what has come is kept for the
 * next request. For several threads at once.
 */
final class BlobTexts {
    private static final long CACHE_BYTES = 64 << 20;

    /** Reads under way at once, those included that were given up and have not ended yet. */
    private static final int MOST_READS = 16;

    private static final long NODE_NS = TimeUnit.SECONDS.toNanos(4);
    private static final long ALL_NS = TimeUnit.SECONDS.toNanos(15);
    private static final long SHUNNED_NS = TimeUnit.MINUTES.toNanos(1);

    /** Where blobs may be had. */
    interface Nodes {
        List<? extends BlobSource> find() throws IOException;
    }

    private final Nodes nodes;
    private final Semaphore reads = new Semaphore(MOST_READS);

    /** When a node last failed, by its name. */
    private final Map<String, Long> failed = new ConcurrentHashMap<>();

    private final Map<Bytes32, byte[]> cache = new LinkedHashMap<>(16, 0.75f, true);
    private long cachedBytes;

    BlobTexts(Nodes nodes) {
        this.nodes = nodes;
    }

    /**
     * A blob.
     *
     * @param most bytes that it may have.
     * @throws ApiException where no node has it (404), it has more bytes (400), or too much is read already (503).
     * @throws IOException where those that may have it cannot be asked.
     */
    byte[] read(Bytes32 id, long most) throws IOException {
        byte[] found = cached(id);
        if (found == null) {
            found = fetch(id, most);
            keep(id, found);
        }
        if (found.length > most) {
            throw tooLong(id, found.length, most);
        }
        return found;
    }

    private static ApiException tooLong(Bytes32 id, long bytes, long most) {
        return new ApiException(
                400,
                "context_length_exceeded",
                "plumbline.files",
                "File " + id + " has " + bytes + " bytes; this model's context has room for " + most + " at most.");
    }

    private byte[] fetch(Bytes32 id, long most) throws IOException {
        List<BlobSource> asked = inOrder();
        if (asked.isEmpty()) {
            throw new ApiException(404, "file_not_found", "plumbline.files", "There is no data node to ask for files.");
        }
        List<String> failures = new ArrayList<>();
        ApiException refusal = null;
        long end = System.nanoTime() + ALL_NS;
        for (BlobSource node : asked) {
            long left = Math.min(NODE_NS, end - System.nanoTime());
            if (left <= 0) {
                failures.add("the time was over before all were asked");
                break;
            }
            try {
                byte[] bytes = within(left, node, id, most);
                failed.remove(node.name());
                return bytes;
            } catch (NoSuchBlobException e) {
                // The next one may have it.
            } catch (ApiException e) {
                // Perhaps only this node says so.
                refusal = e;
            } catch (IOException e) {
                failed.put(node.name(), System.nanoTime());
                failures.add(node.name() + ": " + String.valueOf(e.getMessage()).replaceAll("\\.+$", ""));
            }
        }
        if (refusal != null) {
            throw refusal;
        }
        if (failures.isEmpty()) {
            throw new ApiException(404, "file_not_found", "plumbline.files", "No data node has file " + id + ".");
        }
        throw new IOException("File " + id + " cannot be had of the data nodes: " + String.join("; ", failures) + ".");
    }

    /** Those that failed of late come last; otherwise by chance, so that all have a share of the work. */
    private List<BlobSource> inOrder() throws IOException {
        long now = System.nanoTime();
        failed.values().removeIf(when -> now - when > SHUNNED_NS);
        List<BlobSource> order = new ArrayList<>(nodes.find());
        Collections.shuffle(order);
        order.sort((a, b) -> Boolean.compare(failed.containsKey(a.name()), failed.containsKey(b.name())));
        return order;
    }

    private byte[] within(long nanos, BlobSource node, Bytes32 id, long most) throws IOException {
        if (!reads.tryAcquire()) {
            throw new ApiException(503, "busy", "plumbline.files", "Too many files are being fetched. Try again.");
        }
        FutureTask<byte[]> reading = new FutureTask<>(() -> {
            try {
                return read(node, id, most);
            } finally {
                reads.release();
            }
        });
        Thread.ofVirtual().name("file-get").start(reading);
        try {
            return reading.get(nanos, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            // By an interrupt, which closes a virtual thread's socket: one that drips would hold its place for ever.
            reading.cancel(true);
            throw new IOException("nothing came in time", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            if (e.getCause() instanceof ApiException refused) {
                throw refused;
            }
            throw new IOException("it could not be read: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while file " + id + " was fetched.", e);
        }
    }

    private static byte[] read(BlobSource node, Bytes32 id, long most) throws IOException {
        long bytes = node.bytes(id);
        if (bytes > most) {
            throw tooLong(id, bytes, most);
        }
        byte[] read = new byte[Math.toIntExact(bytes)];
        node.read(id, bytes, new ByteRange(0, bytes), read);
        return read;
    }

    private synchronized byte[] cached(Bytes32 id) {
        return cache.get(id);
    }

    private synchronized void keep(Bytes32 id, byte[] bytes) {
        if (cache.put(id, bytes) == null) {
            cachedBytes += bytes.length;
        }
        // The longest in no use goes first; one alone may be longer than all the room.
        while (cachedBytes > CACHE_BYTES && cache.size() > 1) {
            Bytes32 eldest = cache.keySet().iterator().next();
            cachedBytes -= cache.remove(eldest).length;
        }
    }
}
