package io.plumbline.ledger.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Held while a process signs by a signing history, or reads or changes it from outside. The operating system lets it
 * go when the process ends, however that is.
 */
final class SigningLock implements AutoCloseable {
    private final FileChannel channel;

    /**
     * @param votes the signing history; the lock is a file beside it.
     * @throws IOException where another process, or another full node of this one, holds it.
     */
    SigningLock(Path votes) throws IOException {
        channel = FileChannel.open(
                votes.resolveSibling(votes.getFileName() + ".lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // Held by this process: the same as by another.
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
        if (lock == null) {
            throw new IOException("A full node runs with the signing history " + votes
                    + ": two that sign with one key would lose its stake. Stop that one first.");
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
