package io.plumbline.benchmarks.load;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.ReadableBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Gets blobs from data nodes and puts new ones there, as the clients of data nodes do: nothing that a node sends is
 * believed, all of it is proven by the blob's id as it comes. Nodes take turns. Used by any number of threads.
 */
final class BlobCaller {
    /** Of a blob that is put: shorter ones would be the same blob again. */
    static final int LEAST_BYTES = BlobContents.STAMP_BYTES;

    private final List<BlobNode> nodes;
    private final List<Held> held;
    private final Shape shape;
    private final BlobContents contents;
    private final long timeoutNs;
    private final Queue<Put> puts = new ConcurrentLinkedQueue<>();

    /** A blob that all nodes have. */
    record Held(Bytes32 id, long bytes) {}

    /** A blob that one node has been given. */
    record Put(BlobNode node, Bytes32 id) {}

    /** A kind of request, by the name of its latencies. */
    enum Kind {
        GET("get"),
        RANGE("range"),
        PUT("put");

        final String latencies;

        Kind(String latencies) {
            this.latencies = latencies;
        }
    }

    /**
     * How requests differ.
     *
     * @param bytes of a blob that is put.
     * @param rangeBytes of a range; a shorter blob is asked for whole.
     * @param ranges share of gets, 0 to 1, that ask for a range.
     * @param puts share of requests, 0 to 1, that put a blob.
     */
    record Shape(Lengths bytes, Lengths rangeBytes, double ranges, double puts, long seed) {}

    /**
     * A request that has ended. Times are {@link System#nanoTime}.
     *
     * @param firstNs when the first 16 KiB of a get were proven; 0 of a put.
     * @param bytes that were asked for, or put.
     * @param isWrong whether the node sent bytes that are not the blob's.
     * @param why it failed; null where it did not.
     */
    record Done(
            Kind kind,
            long intendedNs,
            long sentNs,
            long firstNs,
            long endNs,
            long bytes,
            boolean isWrong,
            String why) {}

    /** @param held at least one where anything is got. @param timeoutNs in which a request must have ended. */
    BlobCaller(List<BlobNode> nodes, List<Held> held, Shape shape, BlobContents contents, long timeoutNs) {
        this.nodes = nodes;
        this.held = held;
        this.shape = shape;
        this.contents = contents;
        this.timeoutNs = timeoutNs;
    }

    /** Blobs that were put so far. */
    Queue<Put> puts() {
        return puts;
    }

    /** Sends the request with this number and waits for its end. Never throws: what goes wrong is the outcome. */
    Done request(long number, long intendedNs) {
        SplittableRandom random = new SplittableRandom(shape.seed * 0x9E3779B97F4A7C15L + number);
        BlobNode node = nodes.get((int) (number % nodes.size()));
        if (random.nextDouble() < shape.puts) {
            return put(node, number, Math.max(LEAST_BYTES, shape.bytes.draw(random)), intendedNs);
        }
        Held blob = held.get(random.nextInt(held.size()));
        if (random.nextDouble() >= shape.ranges) {
            return get(Kind.GET, node, blob, new ByteRange(0, blob.bytes), intendedNs);
        }
        long length = Math.min(blob.bytes, shape.rangeBytes.draw(random));
        long from = random.nextLong(blob.bytes - length + 1);
        return get(Kind.RANGE, node, blob, new ByteRange(from, from + length), intendedNs);
    }

    private Done get(Kind kind, BlobNode node, Held blob, ByteRange range, long intendedNs) {
        long sentNs = System.nanoTime();
        long[] firstNs = {0};
        String why = null;
        boolean isWrong = false;
        try (InputStream in = node.range(blob.id, blob.bytes, range)) {
            new RangeDecoder(blob.id.bytes(), blob.bytes, range.from(), range.to())
                    .decode(in, (position, group, length) -> {
                        long now = System.nanoTime();
                        firstNs[0] = firstNs[0] == 0 ? now : firstNs[0];
                        if (now - sentNs > timeoutNs) {
                            throw new IOException(late());
                        }
                    });
        } catch (WrongBytesException e) {
            isWrong = true;
            why = node.name() + ": " + e.getMessage();
        } catch (IOException e) {
            why = Target.shortened(String.valueOf(e.getMessage()));
        }
        return new Done(kind, intendedNs, sentNs, firstNs[0], System.nanoTime(), range.length(), isWrong, why);
    }

    /**
     * Puts a blob.
     *
     * @param puts receives it where the node may have something of it now: not where it refuses.
     */
    static void put(BlobNode node, ReadableBlob blob, Collection<Put> puts) throws IOException {
        boolean isRefused = false;
        try {
            new Upload(node, RateLimit.none()).run(blob, Progress.none());
        } catch (BlobNode.RefusedException e) {
            isRefused = true;
            throw e;
        } finally {
            if (!isRefused) {
                puts.add(new Put(node, blob.id()));
            }
        }
    }

    /** The client hashes what it puts: that is part of it. */
    private Done put(BlobNode node, long number, int bytes, long intendedNs) {
        byte[] content = contents.make(bytes, number);
        long sentNs = System.nanoTime();
        String why = null;
        try (MemoryBlob blob = new MemoryBlob(MemorySegment.ofArray(content))) {
            put(node, blob, puts);
            why = System.nanoTime() - sentNs > timeoutNs ? late() : null;
        } catch (IOException e) {
            why = Target.shortened(String.valueOf(e.getMessage()));
        }
        return new Done(Kind.PUT, intendedNs, sentNs, 0, System.nanoTime(), bytes, false, why);
    }

    private String late() {
        return "not done within " + timeoutNs / 1_000_000_000 + " s";
    }
}
