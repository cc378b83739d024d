package io.plumbline.node.gateway;

import io.plumbline.inference.language.tokenizer.TextStream;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.gateway.answer.AnswerPart;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.node.tenant.Rest;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * One completion under way: its choices are answered side by side, each with a receipt of its own. How they are worded
 * is for the API that was asked.
 */
final class Completion implements AutoCloseable {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final ChatApi api;
    private final ChatRequest chat;
    private final List<Choice> choices = new CopyOnWriteArrayList<>();
    private final AtomicInteger computing;

    /** Choices that have not ended, also in their use. */
    private final CountDownLatch ended;

    private boolean isFollowed;
    private Runnable onComputed = () -> {};
    private volatile boolean isCancelled;

    /**
     * From one writing of a stream to the next where tokens come faster: fifty a second are more than a person can
     * tell apart, and each costs a switch of threads, an event and a system call.
     */
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(20);

    /** Tokens that are told together. */
    private static final int MOST_TOGETHER = 256;

    /** Choices with news, a token or their end; bounded by the tokens that were asked for. */
    private final BatchQueue<News> news = new BatchQueue<>(PAUSE_NS, MOST_TOGETHER);

    /** @param chosen null at a choice's end. */
    private record News(Choice choice, ChosenToken chosen) {}

    Completion(ChatApi api, ChatRequest chat) {
        this.api = api;
        this.chat = chat;
        this.computing = new AtomicInteger(chat.requests().size());
        this.ended = new CountDownLatch(chat.requests().size());
    }

    ChatRequest chat() {
        return chat;
    }

    ChatApi api() {
        return api;
    }

    /** The choices, once begun. */
    List<Choice> choices() {
        return choices;
    }

    /** Tokens of the prompts. */
    int promptTokens() {
        return promptTokens(chat.requests());
    }

    /** Tokens of the requests' prompts: choices of one prompt share them. */
    static int promptTokens(List<Request> requests) {
        return requests.stream()
                .map(Request::promptTokens)
                .collect(Collectors.toCollection(() -> Collections.newSetFromMap(new IdentityHashMap<>())))
                .stream()
                .mapToInt(tokens -> tokens.length)
                .sum();
    }

    /**
     * What it comes to.
     *
     * @param usage the tokens that were computed by now, and their cost by receipts and fees, also for a client that
     *     has gone; nothing where no answer has begun.
     * @param rest what it costs beyond that, where a node may hand in a receipt that it has not shown, or another one;
     *     null where it may not.
     */
    record Bill(Usage usage, Rest rest) {}

    /** Its cost by now. */
    Bill bill() {
        long delivered = 0;
        long answers = 0;
        List<Purchase> purchases = new ArrayList<>();
        for (Choice choice : choices) {
            int tokens =
                    choice.inference == null ? 0 : choice.inference.delivered().count();
            delivered += tokens;
            answers += tokens > 0 ? 1 : 0;
            purchases.addAll(choice.purchases());
        }
        long cost = 0;
        for (Purchase one : purchases) {
            cost = Usage.sum(cost, one.cost());
        }
        Usage usage = answers == 0 ? Usage.NONE : new Usage(answers, promptTokens(), delivered, cost);
        return new Bill(usage, Purchase.restOf(purchases));
    }

    /** Tokens of the answers, once they are whole. */
    int outputTokens() {
        return choices.stream()
                .mapToInt(choice -> choice.answered().answer().tokens().length)
                .sum();
    }

    /** Those of them that are reasoning. */
    int reasoningTokens() {
        return choices.stream().mapToInt(Choice::reasoningTokens).sum();
    }

    /** Has {@code action} run once all choices have ended, whether or not the client has taken them. */
    void onComputed(Runnable action) {
        onComputed = action;
    }

    /** Has all choices answered: each begins beside the others. */
    void start() throws IOException {
        List<Thread> beginning = new ArrayList<>();
        for (Request request : chat.requests()) {
            Choice choice = new Choice(
                    choices.size(),
                    request,
                    new TextStream(api.tokenizer(), request.stopTexts()),
                    chat.reading(),
                    api.tries(chat.wish()));
            choices.add(choice);
            beginning.add(Thread.startVirtualThread(() -> guarded(choice, () -> begin(choice, choice.tries.first()))));
        }
        try {
            for (Thread thread : beginning) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while answering.", e);
        }
        for (Choice choice : choices) {
            choice.rethrow();
        }
        isFollowed = true;
        choices.forEach(choice -> Thread.startVirtualThread(() -> await(choice)));
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void guarded(Choice choice, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            choice.failure = e;
        } catch (Error e) {
            // Whoever waits for this choice must hear of its end.
            choice.failure = new IOException("The answer could not be taken: " + e, e);
            throw e;
        }
    }

    private void begin(Choice choice, Answerers.Answerer first) throws IOException {
        AnswerStream begun = null;
        Answerers.Answerer by = first;
        while (begun == null) {
            choice.by = by;
            try {
                begun = asked(choice, by);
            } catch (NotAskedException e) {
                // No money was put up: the next node may have the same request.
                by = choice.tries.next(e);
            }
        }
        choice.inference = begun;
        if (isCancelled) {
            cancel(choice);
        }
    }

    private AnswerStream asked(Choice choice, Answerers.Answerer by) throws IOException {
        HedgedAnswer.Attempt attempt = new HedgedAnswer.Attempt(choice.request, by);
        Hedging hedging = new Hedging(choice);
        return api.hedgeMs() == 0
                ? hedging.ask(attempt, hedging::onToken)
                : HedgedAnswer.begin(attempt, api.hedgeMs(), hedging, hedging);
    }

    /** Asks nodes for a choice, of which one answers. */
    private final class Hedging implements HedgedAnswer.Asking, HedgedAnswer.Listener {
        private final Choice choice;

        Hedging(Choice choice) {
            this.choice = choice;
        }

        @Override
        public AnswerStream ask(HedgedAnswer.Attempt attempt, Consumer<ChosenToken> onToken) throws IOException {
            Purchase purchase =
                    api.purchase(attempt.request(), attempt.by(), chat.wish().level());
            choice.begun(purchase);
            try {
                return api.infer(attempt.request(), attempt.by(), chat.wish().level(), chat.topLogprobs(), onToken);
            } catch (NotAskedException | ApiException e) {
                choice.notBegun(purchase);
                throw e;
            }
        }

        @Override
        public HedgedAnswer.Attempt another() throws IOException {
            return choice.tries.mayTryAnother()
                    ? new HedgedAnswer.Attempt(choice.request.renewed(nonce()), choice.tries.first())
                    : null;
        }

        @Override
        public void onDecided(HedgedAnswer.Attempt attempt) {
            choice.request = attempt.request();
            choice.by = attempt.by();
        }

        @Override
        public void onToken(ChosenToken chosen) {
            news.add(new News(choice, chosen));
        }
    }

    private void await(Choice choice) {
        try {
            guarded(choice, () -> {
                while (choice.answered() == null) {
                    try {
                        choice.answered(api.checked(
                                choice.inference.await(), choice.request, choice.inference.delivered(), choice.by));
                    } catch (IOException | IllegalArgumentException e) {
                        // Where it was cancelled the node ended it because it was told to.
                        if (isCancelled || choice.inference.delivered().seal() > 0) {
                            throw e;
                        }
                        // A refusal too: the gateway has looked at the request, and another node may take it.
                        beginAnew(choice, e);
                    }
                }
            });
        } finally {
            if (choice.answered() != null) {
                choice.followLosers();
            }
            news.addUrgent(new News(choice, null));
            try {
                if (computing.decrementAndGet() == 0) {
                    onComputed.run();
                }
            } finally {
                ended.countDown();
            }
        }
    }

    /** Has another node answer. */
    private void beginAnew(Choice choice, Exception why) throws IOException {
        // A busy one too: it is asked last for a while.
        choice.by.refused(why);
        // It may be slow, and computing still.
        choice.inference.cancel();
        choice.inference.close();
        choice.failed(why);
        Answerers.Answerer other = choice.tries.next(why);
        choice.request = choice.request.renewed(nonce());
        begin(choice, other);
    }

    private static byte[] nonce() {
        byte[] nonce = new byte[16];
        RANDOM.nextBytes(nonce);
        return nonce;
    }

    /** Hears the choices grow, each in its order, all on the thread that follows. */
    interface Listener {
        /** For answers that are told when they are whole. */
        Listener NONE = new Listener() {
            @Override
            public void onTokens(Choice choice, List<ChosenToken> chosen, List<AnswerPart> parts) {}

            @Override
            public void onEnd(Choice choice, List<AnswerPart> parts) {}
        };

        /**
         * @param chosen the tokens that have come since the last call, one at least.
         * @param parts that they complete; perhaps none that can be told yet.
         */
        void onTokens(Choice choice, List<ChosenToken> chosen, List<AnswerPart> parts) throws IOException;

        /** @param parts what was held back. The choice is answered. */
        void onEnd(Choice choice, List<AnswerPart> parts) throws IOException;

        /** All that is known by now has been told, and more is to come. */
        default void onPause() throws IOException {}
    }

    /**
     * Follows all choices to their end.
     *
     * @throws IOException where one is not answered.
     */
    void follow(Listener listener) throws IOException {
        int open = choices.size();
        List<News> batch = new ArrayList<>();
        Map<Choice, List<ChosenToken>> grown = new LinkedHashMap<>();
        try {
            while (open > 0) {
                news.take(batch);
                for (News next : batch) {
                    Choice choice = next.choice();
                    if (next.chosen() != null) {
                        grown.computeIfAbsent(choice, unused -> new ArrayList<>())
                                .add(next.chosen());
                        continue;
                    }
                    tell(grown, listener);
                    choice.rethrow();
                    open--;
                    api.answered(choice.request, choice.answered());
                    listener.onEnd(choice, choice.finish());
                }
                tell(grown, listener);
                batch.clear();
                if (open > 0) {
                    listener.onPause();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while answering.", e);
        }
    }

    private static void tell(Map<Choice, List<ChosenToken>> grown, Listener listener) throws IOException {
        for (Map.Entry<Choice, List<ChosenToken>> one : grown.entrySet()) {
            Choice choice = one.getKey();
            listener.onTokens(choice, one.getValue(), choice.add(one.getValue()));
        }
        grown.clear();
    }

    /**
     * Has the node end what it still answers: the client has gone. What it gave by then fails {@link #follow}. Any
     * thread may call.
     */
    void cancel() {
        isCancelled = true;
        choices.forEach(this::cancel);
    }

    /**
     * Where the client has gone, waits for what the nodes give by then: a node whose request is ended within the prompt
     * is paid for all of that, though no token has come yet. To be called by the thread that has begun it.
     */
    void awaitCancelled() {
        if (isFollowed && isCancelled) {
            try {
                ended.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void cancel(Choice choice) {
        AnswerStream inference = choice.inference;
        if (inference != null) {
            inference.cancel();
        }
    }

    /** Cancels what is still being answered: nobody reads it. */
    @Override
    public void close() throws IOException {
        isCancelled = true;
        for (Choice choice : choices) {
            if (choice.inference != null) {
                choice.inference.cancel();
                choice.inference.close();
            }
        }
    }
}
