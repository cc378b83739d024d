package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import java.io.IOException;
import java.util.Collection;

/**
 * Signs a full node's votes and epoch statements by its signing history, in this process or in another. What it is
 * about to sign is on disk before it is signed, so that no two of its signatures contradict each other. Called by one
 * thread at a time.
 */
public interface VoteSigner extends AutoCloseable {
    /** What was signed with the key, as far as is known here: all of it, while no other full node uses the history. */
    SigningRecord signed();

    /**
     * Signs a block.
     *
     * @param hash of its header, 32 bytes.
     * @param statements of distinct full nodes, each checked.
     * @return 64 bytes, or null where a later block was signed since.
     * @throws IOException where the history forbids it or cannot be written: nothing was signed.
     */
    byte[] vote(long epoch, long number, byte[] hash, Collection<EpochStatement> statements) throws IOException;

    /**
     * Promises to sign nothing for a block in earlier epochs any more, and states what was signed of it.
     *
     * @param epoch that is asked for.
     * @param number of the block.
     * @throws IOException where it is not known what was signed of the block, or the history cannot be written.
     */
    EpochStatement step(long epoch, long number) throws IOException;

    /** Signs nothing up to this number any more, see {@link SigningRecord#forget}. */
    void forget(long upTo) throws IOException;

    @Override
    void close();
}
