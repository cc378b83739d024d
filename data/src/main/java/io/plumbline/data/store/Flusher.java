package io.plumbline.data.store;

import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * Has a file's bytes go to the disk while more of them are made, by a thread of its own. Without it all of a large file
 * would wait in the system's memory for the last fsync, and the disk would idle until then.
 */
final class Flusher implements AutoCloseable {
    private final FileChannel file;
    private final long everyBytes;
    private long flushedBytes;
    private Thread running;
    private volatile IOException failure;

    Flusher(FileChannel file, long everyBytes) {
        this.file = file;
        this.everyBytes = everyBytes;
    }

    /**
     * More was written.
     *
     * @param bytes in all.
     * @throws IOException where the disk did not take what came before.
     */
    void written(long bytes) throws IOException {
        if (failure != null) {
            throw failure;
        }
        if (bytes - flushedBytes >= everyBytes && (running == null || !running.isAlive())) {
            flushedBytes = bytes;
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
    public void close() throws IOException {
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
