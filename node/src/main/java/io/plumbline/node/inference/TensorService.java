package io.plumbline.node.inference;

import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.network.Event;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.Bounds;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;

/** Runs an ONNX model for others: batches what comes in together, signs for it, and discloses it to auditors. */
public final class TensorService implements Service {
    private final TensorManifest manifest;
    /** Threads that look at requests before the model gets them, requests of one peer that wait, and bytes of all. */
    private static final int INTAKE_THREADS = 4;

    private static final int MAX_OF_ONE = 256;
    private static final long MAX_WAITING_BYTES = Runtime.getRuntime().maxMemory() / 8;

    private final FairQueue<Bytes32> intake;
    private final byte[] modelId;
    private final Bounds bounds;
    private final byte[] boundsHash;
    private final LoadedTensorModel loaded;
    private final Fingerprint fingerprint;
    private final TensorScheduler scheduler;
    private final NodeResponder replies;
    private final long pricePerRow;
    private final SendingSlots slots;
    private final ExecutorService outbox = Executors.newVirtualThreadPerTaskExecutor();

    /**
     * Serves a model.
     *
     * @param loaded closed with this service.
     * @param isFullNode whether a key is one of those that audit.
     * @param declared what receipts say of the engine: an honest node declares what it runs.
     */
    public TensorService(
            TensorPackage model,
            LoadedTensorModel loaded,
            Fingerprint declared,
            ShapeRanges shapes,
            TensorScheduler.Limits limits,
            long pricePerRow,
            NodeResponder replies,
            Predicate<Bytes32> isFullNode)
            throws IOException {
        this.manifest = model.manifest();
        this.bounds = model.requireBounds();
        this.modelId = manifest.id();
        this.boundsHash = bounds.hash();
        this.loaded = loaded;
        this.fingerprint = declared;
        this.replies = replies;
        this.slots = new SendingSlots(isFullNode);
        this.intake = new FairQueue<>("intake", INTAKE_THREADS, MAX_OF_ONE, MAX_WAITING_BYTES, isFullNode);
        this.pricePerRow = pricePerRow;
        requireCalibrated(bounds, declared.precision());
        this.scheduler = new TensorScheduler(loaded, manifest, shapes, limits);
        replies.events()
                .emit(new Event.Serving(declared.toString(), scheduler.unbatched() == null, scheduler.unbatched()));
    }

    private static void requireCalibrated(Bounds bounds, Precision precision) throws IOException {
        try {
            bounds.at(precision);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public byte[] modelId() {
        return modelId;
    }

    /** There are no openings. */
    @Override
    public int openMsPerToken() {
        return 0;
    }

    @Override
    public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
        // Decoding and hashing a large request is not the transport's work.
        whenFree(from, id, bytes.length, () -> run(from, id, bytes));
    }

    private void run(Peer from, long id, byte[] bytes) throws IOException {
        TensorRequest request = TensorRequest.decode(bytes);
        if (!Arrays.equals(request.modelId(), modelId)) {
            throw new IllegalArgumentException(
                    "This node runs model " + HexFormat.of().formatHex(modelId) + ".");
        }
        if (!Arrays.equals(request.bounds(), boundsHash) || request.precision() != fingerprint.precision()) {
            throw new IllegalArgumentException("This node computes in " + fingerprint.precision()
                    + " and is held to bounds " + HexFormat.of().formatHex(boundsHash) + ".");
        }
        // Nobody could judge the answer, or pay for it.
        bounds.checkInputs(request.inputs());
        manifest.requireAnswerFits(request.inputs(), request.outputs());
        byte[] hash = request.hash();
        replies.takeOn(hash, request.requester(), manifest.rows(request.inputs()), pricePerRow, scheduler.queued());
        CompletableFuture<TensorScheduler.Result> done = submitted(hash, request);
        done.whenCompleteAsync(
                (result, failure) -> {
                    if (failure == null) {
                        replies.guarded(from, id, () -> answer(from, id, bytes, request, result));
                    } else {
                        replies.refuse(from, id, failure instanceof CompletionException ? failure.getCause() : failure);
                    }
                    replies.over(hash);
                },
                outbox);
    }

    private CompletableFuture<TensorScheduler.Result> submitted(byte[] hash, TensorRequest request) {
        try {
            return scheduler.submit(request.inputs(), request.outputs());
        } catch (RuntimeException e) {
            replies.over(hash);
            throw e;
        }
    }

    private void answer(Peer from, long id, byte[] bytes, TensorRequest request, TensorScheduler.Result result)
            throws IOException {
        requireSound(bytes.length, request, result.outputs());
        TensorAnswer answer = new TensorAnswer(result.outputs(), fingerprint);
        int rows = manifest.rows(request.inputs());
        Receipt receipt =
                Receipt.of(request, answer, rows, Math.multiplyExact(pricePerRow, (long) rows), replies.keys());
        replies.answered(from, id, bytes, answer.encode(), receipt, rows, result.rows(), false, result.nanos());
    }

    /** What this node would be called a liar for, or could show to no auditor, is not signed. */
    private void requireSound(long requestBytes, TensorRequest request, List<Tensor> outputs) throws IOException {
        long left = AnswerTooLargeException.MAX_BYTES - requestBytes;
        TensorManifest.requireComparable(
                outputs.stream().mapToLong(Tensor::elements).sum());
        for (Tensor output : outputs) {
            if (output.data().length > left) {
                throw new AnswerTooLargeException(output.name(), output.shape(), "" + output.data().length, left);
            }
            left -= output.data().length;
            String mismatch = manifest.mismatch(output, request.inputs());
            if (mismatch != null) {
                throw new IOException("The model does not give what it declares: " + mismatch + ". It is not signed.");
            }
        }
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
    public void disclose(Peer from, long id, byte[] receiptHash) {
        whenFree(from, id, 0, () -> replies.disclose(from, id, receiptHash, slots));
    }

    private void whenFree(Peer from, long id, long bytes, NodeResponder.Work work) {
        if (!intake.offer(Bytes32.of(from.key()), bytes, () -> replies.guarded(from, id, work))) {
            replies.refuse(from, id, new RejectedExecutionException("This node is busy. Try again later."));
        }
    }

    @Override
    public void challenge(Peer from, long id, byte[] receiptHash, Cell cell) {
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
        scheduler.close();
        outbox.shutdown();
        loaded.close();
    }
}
