package io.plumbline.ledger.order;

import io.plumbline.verifier.receipt.Answer;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A sequencer that one need not wait for: what one thread hands it is put in order as it was handed over, unless a
 * leader is lost on the way.
 */
public interface PipelinedSequencer extends Sequencer {
    /** As {@link #submit}; fails with an IOException where nobody answers. */
    CompletableFuture<Answer> submitLater(byte[] signed);

    /** As {@link #ask}; fails with an IOException where nobody answers. */
    CompletableFuture<byte[]> askLater(Query query, byte[] key);

    @Override
    default Answer submit(byte[] signed) throws IOException {
        return await(submitLater(signed));
    }

    @Override
    default byte[] ask(Query query, byte[] key) throws IOException {
        return await(askLater(query, key));
    }

    private static <T> T await(CompletableFuture<T> done) throws IOException {
        try {
            return done.get();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the ledger was asked.", e);
        }
    }
}
