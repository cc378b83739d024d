package io.plumbline.node.inference;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.TextStream;
import io.plumbline.node.metrics.TokenTimes;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.grammar.GrammarTooCostlyException;
import io.plumbline.verifier.grammar.GrammarWalk;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.agrona.CloseHelper;

/**
 * A language model, loaded, with what computes it: answers many requests side by side, and signs for what it answered.
 * May be used by any thread.
 */
public final class LanguageEngine implements AutoCloseable {
    /** Most log probabilities beside a token's own. */
    private static final int MAX_TOP = 20;

    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final ComputeBackend compute;
    private final Engine engine;
    private final EngineWatchdog watchdog;

    /** Counts what grammars take, one answer after the other. */
    private final ExecutorService counting = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("grammar-count").factory());

    private final DeviceWatch watch;
    private volatile LanguageMetrics metrics = new LanguageMetrics(new SimpleMeterRegistry(), "", null);
    private final KeyPair keys;
    private final long pricePerToken;

    /**
     * Loads a model.
     *
     * @param folder of the imported model.
     * @param choice what to compute with.
     * @param weights that the model is computed with: its own layers, where the node is honest.
     * @param keys that sign receipts.
     * @param ledger that facts in requests are proven by; null where none is known, and such requests are refused.
     * @throws IOException where it cannot be loaded, is not what its manifest says to the last byte, or does not
     *     compute here what the specification does.
     */
    public LanguageEngine(
            Path folder,
            ComputeBackend.Choice choice,
            Function<LoadedModel, List<LoadedModel.Layer>> weights,
            KeyPair keys,
            long pricePerToken,
            TrustedLedger ledger,
            Events events)
            throws IOException {
        this(folder, choice, weights, keys, pricePerToken, ledger, events, compute -> compute::health);
    }

    /** @param watched what is asked whether the device has failed, of what was loaded. */
    LanguageEngine(
            Path folder,
            ComputeBackend.Choice choice,
            Function<LoadedModel, List<LoadedModel.Layer>> weights,
            KeyPair keys,
            long pricePerToken,
            TrustedLedger ledger,
            Events events,
            Function<ComputeBackend, DeviceWatch.Source> watched)
            throws IOException {
        this.keys = keys;
        this.pricePerToken = pricePerToken;
        this.model = LoadedModel.open(folder);
        model.verify(events.tenths(Event.Verifying::new));
        this.tokenizer = ChatTokenizer.of(model.tokenFiles(), ledger);
        this.compute = new ComputeBackend(model, weights.apply(model), choice, events);
        DeviceHealth health;
        try {
            health = DeviceWatch.sound(watched.apply(compute), events);
        } catch (IOException e) {
            CloseHelper.closeAll(compute.serving(), compute, tokenizer, model);
            throw e;
        }
        this.engine = new Engine(compute.serving(), keys.publicKey(), compute.limits());
        this.watch = new DeviceWatch(health, engine.failed());
        this.watchdog = new EngineWatchdog(new Probe(), engine.failed());
    }

    /** Completed, by any thread, with why the engine has failed; nothing is answered any more then. */
    public CompletableFuture<Throwable> failed() {
        return engine.failed();
    }

    /** Why it is not ready, for the operator; null where it is. */
    public String notReady() {
        return engine.failed().isDone()
                ? "the engine has failed"
                : watchdog.hasAnswered() ? null : "no token has come out yet";
    }

    /** Adds its metrics; requests that begin from now on count. */
    public void bindTo(MeterRegistry registry) {
        metrics = new LanguageMetrics(registry, model().id().toString(), engine);
    }

    /** One token, asked for by the watchdog; nothing of it is signed. */
    private final class Probe implements EngineWatchdog.Probed {
        @Override
        public long steps() {
            return engine.steps();
        }

        @Override
        public CompletableFuture<?> probe() {
            CompletableFuture<Generator.Result> done = new CompletableFuture<>();
            Request request = new Request(
                    model.id(),
                    "",
                    0,
                    new int[1],
                    Sampling.GREEDY,
                    1,
                    new int[0],
                    List.of(),
                    Bytes32.ZERO,
                    new byte[16]);
            engine.submit(request, new Engine.Listener() {
                @Override
                public boolean onToken(int token, float[] logits, int offset) {
                    return false;
                }

                @Override
                public void onDone(Generator.Result result) {
                    done.complete(result);
                }

                @Override
                public void onFailed(RuntimeException why) {
                    done.completeExceptionally(why);
                }
            });
            return done;
        }
    }

    public LoadedModel model() {
        return model;
    }

    public ChatTokenizer tokenizer() {
        return tokenizer;
    }

    /** What it computes with. */
    public ComputeBackend compute() {
        return compute;
    }

    /** Answers that it computes side by side, at most. */
    public int maxSequences() {
        return compute.limits().maxSequences();
    }

    /** Requests that wait for their first step. */
    int queued() {
        return engine.queued();
    }

    /**
     * Whether a request is one of this model's; looked at before anything is computed for it.
     *
     * @throws IllegalArgumentException saying why it is not answered.
     */
    public void requireAnswerable(Request request) {
        if (!request.modelId().equals(model.id())) {
            throw new IllegalArgumentException("This node runs model " + model.id() + ".");
        }
        Generator.check(request, model.config());
        require(TextCheck.size(request, model.config()));
    }

    /**
     * Whether the messages are what the prompt was made of. Renders them, which costs time: for nobody who does not
     * pay. And whether its grammar is one whose first token can be found.
     *
     * @throws IllegalArgumentException where they are not, or it is none.
     */
    void requirePrompt(Request request) {
        require(TextCheck.prompt(request, model.config(), tokenizer));
        if (!request.grammar().isEmpty()) {
            Grammar grammar = Grammar.parse(request.grammar());
            // Made for the first such request: not on the engine's thread, where the other answers would wait for it.
            Vocabulary vocabulary = tokenizer.vocabulary();
            try {
                // As the engine would find when the whole prompt is computed, for which nobody pays then.
                new GrammarWalk(grammar, vocabulary).all();
            } catch (GrammarTooCostlyException e) {
                throw new IllegalArgumentException("The request does not hold: " + e.getMessage(), e);
            }
        }
    }

    /** What may take half a second of a core: not on a virtual thread, whose carrier others wait for. */
    private Failure counted(Supplier<Failure> check) {
        return CompletableFuture.supplyAsync(check, counting).join();
    }

    private static void require(Failure failure) {
        if (failure != null) {
            throw new IllegalArgumentException("The request does not hold: " + failure.detail() + ".");
        }
    }

    /** Hears an answer grow, on the engine's thread, which must not be held up. */
    public interface Listener {
        /** @param logprobs null where none were asked for. */
        void onToken(int token, Logprobs logprobs);

        /**
         * The answer is whole and {@link RunningAnswer#signed} makes its receipt, which costs a signature: on another
         * thread.
         */
        void onDone(Generator.Result result);

        /** There will be no answer. */
        void onFailed(Exception why);
    }

    /** An answer and its receipt. */
    public record Signed(Answer answer, Receipt receipt) {}

    /** An answer on its way: from its request, which may be cancelled before it is begun, to its end. */
    public final class RunningAnswer implements Engine.Listener {
        private final Request request;
        private final Bytes32 requestHash;
        private final int topLogprobs;
        private final Listener listener;
        private TextStream text;
        private Engine.Ticket ticket;
        private Cancellation cancellation;

        /** Tokens chosen so far. */
        private volatile int chosen;

        private final LanguageMetrics measured = metrics;
        private TokenTimes.Answer times;

        private RunningAnswer(Request request, int topLogprobs, Listener listener) {
            this.request = request;
            this.requestHash = request.hash();
            this.topLogprobs = topLogprobs;
            this.listener = listener;
        }

        public Request request() {
            return request;
        }

        /**
         * Has it computed.
         *
         * @throws RejectedExecutionException where too much waits, or it was cancelled.
         */
        public synchronized void begin() {
            text = request.stopTexts().isEmpty() ? null : new TextStream(tokenizer, request.stopTexts());
            if (isCancelled()) {
                throw new RejectedExecutionException("The request was cancelled before its first token.");
            }
            times = measured.begin();
            ticket = engine.submit(ChoiceRule.of(request, tokenizer::vocabulary), this);
        }

        /**
         * Ends the answer, where its requester has signed that it may end. Checks a signature.
         *
         * @return false where it was looked at and is no word of the requester's for this answer.
         */
        public synchronized boolean cancel(Cancellation by) {
            if (cancellation == null) {
                cancellation = by;
                if (ticket != null && isCancelled()) {
                    ticket.cancel();
                }
            }
            return cancellation != null;
        }

        /** A cancellation that speaks of more tokens than there are would be evidence against the answer it is in. */
        private boolean isCancelled() {
            if (cancellation != null
                    && (cancellation.delivered() > chosen || !cancellation.holds(requestHash, request.requester()))) {
                cancellation = null;
            }
            return cancellation != null;
        }

        private synchronized Answer answer(Generator.Result result) {
            return new Answer(
                    result.tokens(), tokenizer.decode(result.tokens()), result.cancelled() ? cancellation : null);
        }

        /**
         * Signs for the answer: a signature under what anybody can refute costs the stake, however the request brought
         * it about, so it is looked at first.
         *
         * @throws AnswerTooLargeException where no auditor could be shown it.
         * @throws IllegalStateException where it does not hold.
         * @throws io.plumbline.inference.language.engine.DeviceUnsoundException where the device that computed it has
         *     failed.
         */
        public Signed signed(Generator.Result result) {
            Answer answer = answer(result);
            watch.requireSound();
            // Whatever was asked before, the escrow pays no less.
            long price =
                    Math.multiplyExact(pricePerToken, (long) request.promptTokens().length + result.tokens().length);
            Receipt receipt = Receipt.of(
                    model.config().contractVersion(),
                    request,
                    answer,
                    result.traceRoot(),
                    result.traceBytes(),
                    price,
                    keys);
            if ((long) request.encode().length + answer.encode().length
                    > TextCheck.maxDisclosedBytes(model.config(), receipt.promptTokens(), receipt.outputTokens())) {
                throw new AnswerTooLargeException("The request or the text of the answer is longer than auditors may be"
                        + " shown for so many tokens: it is not signed. Ask with shorter stop texts.");
            }
            Failure failure = ReceiptCheck.check(receipt, request, answer, model.id(), model.config());
            if (failure == null) {
                failure = request.grammar().isEmpty() ? text(answer) : counted(() -> text(answer));
            }
            if (failure != null) {
                throw new IllegalStateException("The answer does not hold, and is not signed: " + failure + ".");
            }
            return new Signed(answer, receipt);
        }

        private Failure text(Answer answer) {
            return TextCheck.answer(request, answer, model.config(), tokenizer);
        }

        @Override
        public boolean onToken(int token, float[] logits, int offset) {
            chosen++;
            times.token();
            int vocab = model.config().vocab();
            Logprobs logprobs =
                    topLogprobs < 0 ? null : Logprobs.of(logits, offset, vocab, token, Math.min(topLogprobs, MAX_TOP));
            listener.onToken(token, logprobs);
            if (text == null) {
                return false;
            }
            text.add(token);
            return text.isStopped();
        }

        @Override
        public boolean wantsLogits() {
            return topLogprobs >= 0;
        }

        @Override
        public void onDone(Generator.Result result) {
            measured.answered(request.promptTokens().length, result.tokens().length, result.cancelled());
            listener.onDone(result);
        }

        @Override
        public void onFailed(RuntimeException why) {
            measured.failed();
            listener.onFailed(why);
        }
    }

    /**
     * An answer to be.
     *
     * @param request that {@link #requireAnswerable} lets pass.
     * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
     */
    public RunningAnswer job(Request request, int topLogprobs, Listener listener) {
        return new RunningAnswer(request, topLogprobs, listener);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(watchdog, watch, engine, counting, compute, tokenizer, model);
    }
}
