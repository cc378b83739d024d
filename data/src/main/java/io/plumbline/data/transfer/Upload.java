package io.plumbline.data.transfer;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.ReadableBlob;
import io.plumbline.verifier.blake3.RangeDecoder;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Sends a blob to a data node: the ranges that the node lacks, which are few where an earlier try got far. */
public final class Upload {
    /** Ranges on their way at once: the node checks and writes one while the next one comes. */
    private static final int STREAMS = 2;

    private static final int MOST_FAILURES = 3;
    private static final long PAUSE_MS = 200;

    private final BlobNode node;
    private final RateLimit rate;

    public Upload(BlobNode node, RateLimit rate) {
        this.node = node;
        this.rate = rate;
    }

    /**
     * Sends what the node lacks; the blob is whole there when this returns.
     *
     * @param progress hears of the blob's bytes that the node has, those of before too.
     */
    public void run(ReadableBlob blob, Progress progress) throws IOException {
        long told = 0;
        long before = -1;
        while (true) {
            BlobNode.Missing missing = node.missing(blob.id(), blob.bytes());
            if (!missing.ranges().isEmpty() && missing.presentBytes() <= before) {
                throw new IOException(node.name() + " does not keep what it is sent of blob " + blob.id() + ".");
            }
            before = missing.presentBytes();
            if (missing.presentBytes() > told) {
                progress.more(missing.presentBytes() - told);
                told = missing.presentBytes();
            }
            if (missing.ranges().isEmpty()) {
                return;
            }
            // A node names some ranges at once.
            sendAll(blob, missing.ranges(), progress);
            told += missing.ranges().stream().mapToLong(ByteRange::length).sum();
        }
    }

    private void sendAll(ReadableBlob blob, List<ByteRange> ranges, Progress progress) throws IOException {
        Deque<ByteRange> waiting = new ArrayDeque<>(ranges);
        List<IOException> failures = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
            threads.add(Thread.ofPlatform().daemon().name("blob-put").start(() -> {
                try {
                    for (ByteRange range = next(waiting, failures); range != null; range = next(waiting, failures)) {
                        sendPatiently(blob, range);
                        synchronized (failures) {
                            progress.more(range.length());
                        }
                    }
                } catch (IOException e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            }));
        }
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while blob " + blob.id() + " was sent.", e);
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
    }

    private static ByteRange next(Deque<ByteRange> waiting, List<IOException> failures) {
        synchronized (failures) {
            return failures.isEmpty() ? waiting.pollFirst() : null;
        }
    }

    private void sendPatiently(ReadableBlob blob, ByteRange range) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                send(blob, range);
                return;
            } catch (IOException e) {
                if (attempt == MOST_FAILURES || e instanceof BlobNode.RefusedException) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while a blob was sent.", e);
        }
    }

    private void send(ReadableBlob blob, ByteRange range) throws IOException {
        long encoded = new RangeDecoder(blob.id().bytes(), blob.bytes(), range.from(), range.to()).encodedBytes();
        node.send(
                blob.id(),
                blob.bytes(),
                range,
                encoded,
                out -> blob.encode(range, (bytes, length) -> {
                    rate.take(length);
                    out.write(bytes, 0, length);
                }));
    }
}
