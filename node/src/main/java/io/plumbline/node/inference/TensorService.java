package io.plumbline.node.inference;

import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.network.DrainingException;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.FactInputs;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** Runs an ONNX model for others: takes on what an escrow pays for, answers, and discloses it to auditors. */
public final class TensorService implements Service {
    /** Threads that look at requests before the model gets them, requests of one peer that wait, and bytes of all. */
    private static final int INTAKE_THREADS = 4;

    private static final int MAX_OF_ONE = 256;
    private static final String BUSY = "This node is busy. Try again later.";
    private static final long MAX_WAITING_BYTES = Runtime.getRuntime().maxMemory() / 8;

    private final TensorEngine engine;
    private final NodeResponder replies;
    private final FairQueue<Bytes32> intake;
    private final SendingSlots slots;
    private final Predicate<Bytes32> isFullNode;

    /** Requests that are looked at, and are not yet taken on. */
    private final AtomicInteger asked = new AtomicInteger();

    private volatile boolean isDraining;
    private final ExecutorService outbox = Executors.newVirtualThreadPerTaskExecutor();

    /**
     * Serves a model.
     *
     * @param engine closed with this service.
     * @param isFullNode whether a key is one of those that audit.
     */
    public TensorService(TensorEngine engine, NodeResponder replies, Predicate<Bytes32> isFullNode) {
        this.engine = engine;
        this.replies = replies;
        this.isFullNode = isFullNode;
        this.slots = new SendingSlots(isFullNode);
        this.intake = new FairQueue<>("intake", INTAKE_THREADS, MAX_OF_ONE, MAX_WAITING_BYTES, isFullNode);
    }

    @Override
    public Bytes32 modelId() {
        return engine.modelId();
    }

    /** There are no openings. */
    @Override
    public int openMsPerToken() {
        return 0;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        engine.bindTo(registry);
        InferenceNodeMetrics.declare(registry, replies);
    }

    @Override
    public CompletableFuture<Throwable> failed() {
        return engine.failed();
    }

    @Override
    public String notReady() {
        return isDraining ? "draining" : engine.notReady();
    }

    @Override
    public void drain() {
        isDraining = true;
    }

    @Override
    public boolean isIdle() {
        return asked.get() == 0 && replies.isIdle();
    }

    @Override
    public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
        if (isDraining) {
            replies.refuse(from, id, new DrainingException());
            return;
        }
        // Decoding and hashing a large request is not the transport's work.
        asked.incrementAndGet();
        boolean isTaken = intake.offer(turn(from), bytes.length, () -> {
            try {
                replies.guarded(from, id, () -> run(from, id, bytes));
            } finally {
                asked.decrementAndGet();
            }
        });
        if (!isTaken) {
            asked.decrementAndGet();
            replies.refuse(from, id, new RejectedExecutionException(BUSY));
        }
    }

    private Bytes32 turn(Peer of) {
        return NodeResponder.turn(Bytes32.of(of.key()), of.host(), isFullNode);
    }

    private void run(Peer from, long id, byte[] bytes) throws IOException {
        TensorRequest request = TensorRequest.decode(bytes);
        engine.requireAnswerable(request);
        Failure untrue = FactInputs.check(request, replies.trusted());
        if (untrue != null) {
            throw new IllegalArgumentException(untrue.toString());
        }
        replies.requireOnRecord(request.time());
        Bytes32 hash = request.hash();
        replies.takeOn(hash, request.requester(), engine.rows(request), engine.pricePerRow(), engine.queued());
        CompletableFuture<TensorScheduler.Result> done = submitted(hash, request);
        done.whenCompleteAsync(
                (result, failure) -> {
                    try {
                        if (failure == null) {
                            replies.guarded(from, id, () -> answer(from, id, bytes, request, result));
                        } else {
                            replies.refuse(
                                    from, id, failure instanceof CompletionException ? failure.getCause() : failure);
                        }
                    } finally {
                        replies.over(hash);
                    }
                },
                outbox);
    }

    private CompletableFuture<TensorScheduler.Result> submitted(Bytes32 hash, TensorRequest request) {
        try {
            return engine.submit(request);
        } catch (RuntimeException | Error e) {
            // Without memory too: a claim that stays has the request refused for ever.
            replies.over(hash);
            throw e;
        }
    }

    private void answer(Peer from, long id, byte[] bytes, TensorRequest request, TensorScheduler.Result result)
            throws IOException {
        TensorEngine.Signed signed = engine.signed(request, bytes.length, result);
        replies.answered(
                from,
                id,
                bytes,
                signed.answer().encode(),
                signed.receipt(),
                engine.rows(request),
                result.rows(),
                false,
                result.nanos());
    }

    @Override
    public void cancel(Peer from, long id, Cancellation cancellation) {
        // It is one step: what was begun is done, and paid.
    }

    @Override
    public void gone(Peer from) {
        // Answers go on: they are asked for and paid by an escrow.
    }

    @Override
    public void disclose(Peer from, long id, Bytes32 receiptHash) {
        NodeResponder.Work work = () -> replies.disclose(from, id, receiptHash, slots);
        if (!intake.offer(turn(from), 0, () -> replies.guarded(from, id, work))) {
            replies.refuse(from, id, new RejectedExecutionException(BUSY));
        }
    }

    @Override
    public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {
        replies.refuse(
                from, id, new IllegalArgumentException("A tensor model has no trace: run the request again instead."));
    }

    @Override
    public void proceed(Peer from, long id, long upTo) {
        // There are no openings.
    }

    @Override
    public void close() {
        intake.close();
        engine.close();
        outbox.shutdown();
    }
}
