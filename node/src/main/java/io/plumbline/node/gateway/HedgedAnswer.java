package io.plumbline.node.gateway;

import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * An answer for which a second node is asked where the first gave no token in time (Dean and Barroso, "The Tail at
 * Scale", 2013). The first token decides: from then on there is one answer, of one node, by one request, and the other
 * node is told to end. Where one fails before, the other is waited for.
 */
final class HedgedAnswer implements AnswerStream {
    private final Asking asking;
    private final Listener listener;
    private final List<Asked> all = new ArrayList<>();

    /** The one whose answer it is: the first with a token, or the last to fail. */
    private final CompletableFuture<Attempt> decided = new CompletableFuture<>();

    private int running;
    private boolean isGivenUp;

    /**
     * A node that is asked, and the request that it is asked by, since an escrow is for one of each.
     *
     * @param ended the answer, or why there is none.
     */
    record Attempt(Request request, Answerers.Answerer by, CompletableFuture<NodeClient.Answered> ended) {
        Attempt(Request request, Answerers.Answerer by) {
            this(request, by, new CompletableFuture<>());
        }
    }

    /** One that was asked. */
    private record Asked(Attempt attempt, AnswerStream stream) {}

    /** How nodes are asked. */
    interface Asking {
        /** Another node, by another request; null where there is none. */
        Attempt another() throws IOException;

        /** Asks it. */
        AnswerStream ask(Attempt attempt, Consumer<ChosenToken> onToken) throws IOException;
    }

    /** Hears which is decided for, before anything else of it, and its tokens; must hold up no thread. */
    interface Listener {
        void onDecided(Attempt attempt);

        void onToken(ChosenToken chosen);
    }

    private HedgedAnswer(Asking asking, Listener listener) {
        this.asking = asking;
        this.listener = listener;
    }

    /**
     * Asks a first node, and later a second one.
     *
     * @param waitMs for a first token, in milliseconds, before a second node is asked.
     * @throws IOException where the first cannot be asked.
     */
    static HedgedAnswer begin(Attempt first, long waitMs, Asking asking, Listener listener) throws IOException {
        HedgedAnswer answer = new HedgedAnswer(asking, listener);
        answer.ask(first);
        Thread.startVirtualThread(() -> answer.hedge(waitMs));
        return answer;
    }

    private void ask(Attempt attempt) throws IOException {
        Asked asked = new Asked(attempt, asking.ask(attempt, chosen -> onToken(attempt, chosen)));
        boolean isLate;
        synchronized (this) {
            all.add(asked);
            running++;
            isLate = isGivenUp || decided.isDone() && decided.join() != attempt;
        }
        if (isLate) {
            asked.stream.cancel();
        }
        Thread.startVirtualThread(() -> await(asked));
    }

    private void hedge(long waitMs) {
        try {
            decided.get(waitMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            try {
                Attempt second = isOver() ? null : asking.another();
                if (second != null && !isOver()) {
                    ask(second);
                }
            } catch (IOException | RuntimeException none) {
                // The first is waited for, as where nothing is hedged.
            }
        } catch (ExecutionException | InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized boolean isOver() {
        return isGivenUp || decided.isDone();
    }

    private void onToken(Attempt attempt, ChosenToken chosen) {
        if (decide(attempt)) {
            listener.onToken(chosen);
        }
    }

    /** Whether this is the one whose answer it is; it becomes so where none is. */
    private boolean decide(Attempt attempt) {
        List<Asked> others;
        synchronized (this) {
            if (decided.isDone()) {
                return decided.join() == attempt;
            }
            listener.onDecided(attempt);
            decided.complete(attempt);
            others = all.stream().filter(one -> one.attempt != attempt).toList();
        }
        if (!others.isEmpty()) {
            // A signature each: not on a thread that moves tokens.
            Thread.startVirtualThread(() -> others.forEach(one -> one.stream.cancel()));
        }
        return true;
    }

    private void await(Asked asked) {
        Attempt attempt = asked.attempt;
        try {
            attempt.ended.complete(asked.stream.await());
            decide(attempt);
        } catch (IOException | RuntimeException e) {
            failed(attempt, e);
        } catch (Error e) {
            // Somebody waits for its end.
            failed(attempt, new IOException("The answer could not be taken: " + e, e));
            throw e;
        }
    }

    private void failed(Attempt attempt, Exception why) {
        attempt.ended.completeExceptionally(why);
        boolean isLast;
        synchronized (this) {
            running--;
            isLast = running == 0;
        }
        if (isLast) {
            decide(attempt);
        } else if (!isOver()) {
            attempt.by.refused(why);
        }
    }

    /** The stream of the one that is decided for, or that was asked first. */
    private synchronized AnswerStream stream() {
        Attempt one = decided.getNow(null);
        return all.stream().filter(asked -> asked.attempt == one).findFirst().orElse(all.getFirst()).stream;
    }

    @Override
    public DeliveredTokens delivered() {
        return stream().delivered();
    }

    @Override
    public NodeClient.Answered await() throws IOException {
        try {
            return decided.get().ended.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException refused -> throw refused;
                case IOException failed -> throw failed;
                default -> throw new IOException(String.valueOf(e.getCause()), e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while nodes answered.", e);
        }
    }

    @Override
    public void cancel() {
        // Another one than that which is decided for is cancelled already.
        Attempt one = decided.getNow(null);
        giveUp().stream().filter(asked -> one == null || asked.attempt == one).forEach(asked -> asked.stream.cancel());
    }

    @Override
    public void close() {
        giveUp().forEach(asked -> asked.stream.close());
    }

    private synchronized List<Asked> giveUp() {
        isGivenUp = true;
        return List.copyOf(all);
    }
}
