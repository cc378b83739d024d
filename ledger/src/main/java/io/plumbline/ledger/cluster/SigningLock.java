package io.plumbline.ledger.cluster;

import java.io.IOException;
import java.nio.file.Path;

/** Held while a process signs by a signing history, or reads or changes it from outside. */
final class SigningLock implements AutoCloseable {
    private final ProcessLock lock;

    /**
     * @param votes the signing history; the lock is a file beside it.
     * @throws IOException where another process, or another full node of this one, holds it.
     */
    SigningLock(Path votes) throws IOException {
        lock = ProcessLock.tryTake(votes.resolveSibling(votes.getFileName() + ".lock"));
        if (lock == null) {
            throw new IOException("A full node runs with the signing history " + votes
                    + ": two that sign with one key would lose its stake. Stop that one first.");
        }
    }

    @Override
    public void close() {
        lock.close();
    }
}
