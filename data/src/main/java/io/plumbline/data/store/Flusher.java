package io.plumbline.data.store;

import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * Has a file's bytes go to the disk while more of them are made, by a thread of its own. Without it all of a large file
 * would wait in the system's memory for the last fsync, and the disk would idle until then. For several threads at
 * once.
 */
final class Flusher implements AutoCloseable {
    /** Bytes after which the disk begins to write them. */
    private static final long EVERY_BYTES = 64L << 20;

    private final FileChannel file;
    private long waitingBytes;
    private Thread running;
    private volatile IOException failure;

    Flusher(FileChannel file) {
        this.file = file;
    }

    /**
     * More was written.
     *
     * @throws DiskFailedException where the disk did not take what came before.
     */
    synchronized void more(long bytes) throws DiskFailedException {
        if (failure != null) {
            throw new DiskFailedException("The disk does not take what was written: " + failure.getMessage(), failure);
        }
        waitingBytes += bytes;
        if (waitingBytes >= EVERY_BYTES && (running == null || !running.isAlive())) {
            waitingBytes = 0;
            running = Thread.ofPlatform().daemon().name("blob-flush").start(this::flush);
        }
    }

    private void flush() {
        try {
            file.force(false);
        } catch (IOException e) {
            failure = e;
        }
    }

    /** Waits until nothing is under way. */
    @Override
    public synchronized void close() throws IOException {
        try {
            if (running != null) {
                running.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the disk wrote.", e);
        }
        if (failure != null) {
            throw failure;
        }
    }
}
