package io.plumbline.ledger.order;

import io.plumbline.verifier.receipt.Answer;
import java.util.concurrent.CompletableFuture;

/**
 * A sequencer that one need not wait for: what one thread hands it is put in order as it was handed over, unless a
 * leader is lost on the way.
 */
public interface PipelinedSequencer extends Sequencer {
    /** As {@link #submit}; fails with an IOException where nobody answers. */
    CompletableFuture<Answer> submitLater(byte[] signed);

    /** As {@link #ask}; fails with an IOException where nobody answers. */
    CompletableFuture<byte[]> askLater(Query query, byte[] key);
}
