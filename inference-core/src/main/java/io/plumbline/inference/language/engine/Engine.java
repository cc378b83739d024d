package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

/**
 * Serves many requests at once by continuous batching: answers in progress share every step, a request joins when
 * there is memory for all it may need, and long prompts are run in pieces between the others' tokens. What a request
 * was batched with changes no bit of its answer.
 */
public final class Engine implements AutoCloseable {
    private final Executor executor;
    private final LoadedModel model;
    private final ModelConfig config;
    private final byte[] traceKey;
    private final Limits limits;
    private final KvCache pages;
    private final PrefixCache prefixes;
    private final BatchStep stepper;
    private final Drafter.Factory drafters;
    private final DraftPlan plan;
    private final Deque<Ticket> waiting = new ArrayDeque<>();
    private final List<Ticket> active = new ArrayList<>();
    private final List<Sequence> batch = new ArrayList<>();
    private final Thread thread;
    private final CompletableFuture<Throwable> failed = new CompletableFuture<>();
    private boolean closed;
    private volatile int reserved;
    private volatile int running;
    private volatile long steps;
    private int mostSequences;

    /**
     * How much at once.
     *
     * @param batchRows rows in a step: how much of a prompt runs between two tokens of the other answers.
     * @param maxSequences answers in progress.
     * @param queued requests that wait; more are turned away.
     * @param cacheBytes memory for keys and values, shared prefixes among them.
     * @param drafts most tokens of one answer that a step computes on a guess, where that pays; 0 for none.
     */
    public record Limits(int batchRows, int maxSequences, int queued, long cacheBytes, int drafts) {
        /** Drafts where nothing else is asked for: further ones are rarely right. */
        public static final int DRAFTS = 8;

        /** A step has no more rows with drafts among them. */
        public static final int MOST_DRAFTS = DraftPlan.MOST_ROWS - 1;

        /** With the usual drafts. */
        public Limits(int batchRows, int maxSequences, int queued, long cacheBytes) {
            this(batchRows, maxSequences, queued, cacheBytes, DRAFTS);
        }

        /** For a host that serves one model. */
        public static Limits of(long cacheBytes) {
            return new Limits(Generator.PREFILL_BLOCK, 64, 256, cacheBytes);
        }

        /** The same with other memory for keys and values. */
        public Limits withCache(long bytes) {
            return new Limits(batchRows, maxSequences, queued, bytes, drafts);
        }

        /** The same with other rows in a step, 1 or more. */
        public Limits withBatchRows(int rows) {
            return new Limits(rows, maxSequences, queued, cacheBytes, drafts);
        }

        /** The same with other drafts. */
        public Limits withDrafts(int most) {
            return new Limits(batchRows, maxSequences, queued, cacheBytes, most);
        }

        private int pages(ModelConfig config) {
            return (int) Math.min(Integer.MAX_VALUE, cacheBytes / KvCache.pageBytes(config));
        }
    }

    /** Hears what becomes of a request, on the engine's thread. */
    public interface Listener extends TokenListener {
        /** The answer is whole. */
        void onDone(Generator.Result result);

        /** There will be no answer. */
        void onFailed(RuntimeException why);
    }

    /** A request on its way. */
    public final class Ticket {
        private final ChoiceRule rule;
        private final Listener listener;
        private final int pagesNeeded;

        /** Most that will run through the model. */
        private final int tokens;

        private Sequence job;
        private volatile boolean cancelled;

        private Ticket(ChoiceRule rule, Listener listener, int pagesNeeded, int tokens) {
            this.rule = rule;
            this.listener = listener;
            this.pagesNeeded = pagesNeeded;
            this.tokens = tokens;
        }

        /**
         * Ends the answer with the tokens chosen so far, or with the first one. One that has not been begun is not
         * answered.
         */
        public void cancel() {
            cancelled = true;
            synchronized (Engine.this) {
                Engine.this.notifyAll();
            }
        }
    }

    /** @param node public key under which traces are committed. */
    public Engine(Executor executor, Bytes32 node, Limits limits) {
        this(executor, node, limits, PromptLookup::new, new StepCost());
    }

    /** With other guesses, and another measure of what they are worth: for tests. */
    Engine(Executor executor, Bytes32 node, Limits limits, Drafter.Factory drafters, DraftPlan.Worth worth) {
        this.executor = executor;
        this.model = executor.model();
        this.config = model.config();
        this.traceKey = TraceLayout.keyOf(node.bytes());
        this.limits = limits;
        this.pages = executor.pages(limits.pages(config));
        this.prefixes = new PrefixCache(executor, pages);
        this.stepper = new BatchStep(executor, prefixes);
        // No state can be taken back that has seen a wrong guess.
        boolean guesses = limits.drafts() > 0 && config.linearLayers() == 0;
        this.drafters = guesses ? drafters : null;
        this.plan = !guesses ? null : new DraftPlan(limits.drafts(), worth);
        this.thread = Thread.ofPlatform().name("engine").start(this::serve);
    }

    /** Takes a request without a grammar. */
    public Ticket submit(Request request, Listener listener) {
        return submit(ChoiceRule.of(request, null), listener);
    }

    /**
     * Takes a request.
     *
     * @throws IllegalArgumentException when this model, or this host's memory, can never answer it.
     * @throws RejectedExecutionException when too many wait already.
     */
    public Ticket submit(ChoiceRule rule, Listener listener) {
        Generator.check(rule, config);
        Request request = rule.request();
        int states = 2 * KvCache.statePages(config);
        int needed = KvCache.pagesFor(Sequence.tokens(request, config)) + states;
        if (needed > pages.capacity()) {
            throw new IllegalArgumentException("The request may need " + Sequence.tokens(request, config)
                    + " tokens of keys and values; this node has memory for "
                    + Math.max(0, pages.capacity() - states) * KvCache.TOKENS + ". Ask for fewer tokens.");
        }
        Ticket ticket = new Ticket(rule, listener, needed, Sequence.tokens(request, config));
        synchronized (this) {
            if (closed) {
                throw new RejectedExecutionException("This node is stopping.");
            }
            if (waiting.size() >= limits.queued()) {
                throw new RejectedExecutionException(
                        "This node is busy: " + waiting.size() + " requests wait already. Try again later.");
            }
            waiting.add(ticket);
            notifyAll();
        }
        return ticket;
    }

    private void serve() {
        RuntimeException why = new RejectedExecutionException("This node is stopping.");
        try {
            while (admit()) {
                serveOnce();
            }
        } catch (Throwable e) {
            // Out of memory, or a fault of ours: nobody waits for an answer that cannot come, and nothing more is
            // taken.
            why = new IllegalStateException("The engine of this node has failed: " + e, e);
            // Before those that wait are told: what follows from it must not depend on how they take it.
            failed.complete(e);
        } finally {
            synchronized (this) {
                closed = true;
                active.addAll(waiting);
                waiting.clear();
            }
            for (Ticket ticket : active) {
                if (ticket.job == null) {
                    ticket.listener.onFailed(why);
                } else {
                    fail(ticket, why);
                }
            }
            active.clear();
        }
    }

    private void serveOnce() {
        batch.clear();
        for (Ticket ticket : active) {
            // The prompt's work is done for: an answer has one token at least, and a price.
            if (ticket.cancelled && ticket.job.chosen() > 0) {
                ticket.job.cancel();
            }
            if (!ticket.job.isFinished()) {
                batch.add(ticket.job);
            }
        }
        if (!batch.isEmpty()) {
            step();
        }
        active.removeIf(this::isOver);
        running = active.size();
    }

    private void step() {
        mostSequences = Math.max(mostSequences, batch.size());
        running = batch.size();
        try {
            stepper.step(batch, limits.batchRows(), plan);
        } catch (DeviceFailedException e) {
            throw e;
        } catch (RuntimeException e) {
            // One row that cannot be computed must not end the others: each goes alone, once, and without drafts, which
            // may be what failed.
            for (Ticket ticket : List.copyOf(active)) {
                if (!ticket.job.isFinished()) {
                    stepAlone(ticket);
                }
            }
        }
        // Written by this thread alone.
        steps = steps + 1;
    }

    private void stepAlone(Ticket ticket) {
        try {
            stepper.step(List.of(ticket.job), limits.batchRows());
        } catch (DeviceFailedException e) {
            throw e;
        } catch (RuntimeException e) {
            fail(ticket, e);
            active.remove(ticket);
        }
    }

    private void fail(Ticket ticket, RuntimeException why) {
        release(ticket);
        ticket.listener.onFailed(why);
    }

    private void release(Ticket ticket) {
        ticket.job.close();
        reserved -= ticket.pagesNeeded;
    }

    private boolean isOver(Ticket ticket) {
        if (!ticket.job.isFinished()) {
            return false;
        }
        if (ticket.job.chosen() == 0) {
            fail(ticket, new RejectedExecutionException("The request was cancelled before its first token."));
            return true;
        }
        Generator.Result result;
        try {
            result = ticket.job.result(config, model.id());
        } catch (IllegalStateException e) {
            // Its trace could not be joined: that is this answer's failure alone.
            fail(ticket, e);
            return true;
        }
        release(ticket);
        ticket.listener.onDone(result);
        return true;
    }

    /**
     * Moves requests from the queue into the batch while there is memory; waits while there is nothing to do. False
     * when closed.
     */
    private boolean admit() {
        while (true) {
            Ticket next;
            synchronized (this) {
                waiting.removeIf(this::isCancelledWhileWaiting);
                while (!closed && active.isEmpty() && waiting.isEmpty()) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        closed = true;
                    }
                    waiting.removeIf(this::isCancelledWhileWaiting);
                }
                if (closed) {
                    return false;
                }
                next = waiting.peek();
                boolean fits = next != null
                        && active.size() < limits.maxSequences()
                        && reserved + next.pagesNeeded <= pages.capacity();
                if (!fits) {
                    return true;
                }
                waiting.poll();
            }
            start(next);
        }
    }

    private boolean isCancelledWhileWaiting(Ticket ticket) {
        if (ticket.cancelled) {
            ticket.listener.onFailed(
                    new RejectedExecutionException("The request was cancelled before its first token."));
        }
        return ticket.cancelled;
    }

    private void start(Ticket ticket) {
        reserved += ticket.pagesNeeded;
        ticket.job = new Sequence(
                ticket.rule, config, pages.sequence(), traceKey, ticket.listener, () -> ticket.cancelled, drafters);
        prefixes.begin(ticket.job);
        prefixes.makeRoom(ticket.pagesNeeded - ticket.job.cache().taken());
        ticket.job.cache().reserve(ticket.tokens);
        active.add(ticket);
    }

    /** Prompt tokens that did not have to be computed because another request began alike. */
    public long reusedTokens() {
        return prefixes.reusedTokens();
    }

    /** Tokens that were computed on a guess, see {@link Limits#drafts}. */
    public long draftedTokens() {
        return plan == null ? 0 : plan.drafted();
    }

    /** Those of them that the answers went on with. */
    public long acceptedTokens() {
        return plan == null ? 0 : plan.accepted();
    }

    /** Requests that wait for their first step. */
    public synchronized int queued() {
        return waiting.size();
    }

    /**
     * The fault that ended the engine: completed by its thread when that dies of it; never where it is closed.
     * Nothing is answered any more then.
     */
    public CompletableFuture<Throwable> failed() {
        return failed;
    }

    /** Steps that were run since the start: it grows while anything is computed. */
    public long steps() {
        return steps;
    }

    /** Answers in the step under way, or in the last one. */
    public int running() {
        return running;
    }

    /** Pages of keys and values that are promised to answers in progress. */
    public int pagesReserved() {
        return reserved;
    }

    /** Pages of keys and values that there are, shared prefixes among them. */
    public int pageCapacity() {
        return pages.capacity();
    }

    /** Most answers that shared a step. */
    public int mostSequences() {
        return mostSequences;
    }

    /** Ends: requests that wait or run are failed. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        pages.close();
        executor.close();
    }
}
