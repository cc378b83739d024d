package io.plumbline.node.client;

import io.plumbline.transport.nodewire.TokenDecoder;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A call that one reply ends.
 *
 * @param <T> what the reply is.
 */
class Call<T> {
    private final CompletableFuture<T> done = new CompletableFuture<>();
    private final Decode<T> decode;

    /** What a reply's two byte strings are: answer and receipt, or request and answer. */
    interface Decode<T> {
        T decode(byte[] first, byte[] second, long cpuNanos);
    }

    Call(Decode<T> decode) {
        this.decode = decode;
    }

    /**
     * A token of the answer has come.
     *
     * @throws IllegalStateException where it should not have.
     */
    void onToken(TokenDecoder token) {
        throw new IllegalStateException("it streams tokens where none were asked for");
    }

    /** The node ends soon, and asks for the answer's end. */
    void onEnding() {
        // One reply comes whole or not at all.
    }

    final void complete(byte[] first, byte[] second, long cpuNanos) {
        try {
            done.complete(decode.decode(first, second, cpuNanos));
        } catch (RuntimeException e) {
            done.completeExceptionally(e);
        }
    }

    final void fail(Exception why) {
        done.completeExceptionally(why);
    }

    final boolean isDone() {
        return done.isDone();
    }

    final T get(long timeoutNs) throws ExecutionException, InterruptedException, TimeoutException {
        return done.get(timeoutNs, TimeUnit.NANOSECONDS);
    }
}
