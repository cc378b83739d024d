package io.plumbline.node.inference;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.RandomInputs;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
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
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;

/**
 * An ONNX model, loaded, with what computes it: batches requests that come in together, and signs for its answers. May
 * be used by any thread.
 */
public final class TensorEngine implements AutoCloseable {
    private final TensorManifest manifest;
    private final Bytes32 modelId;
    private final Bounds bounds;
    private final byte[] boundsHash;
    private final LoadedTensorModel loaded;
    private final Fingerprint fingerprint;
    private final TensorScheduler.Limits limits;
    private final TensorScheduler scheduler;
    private final KeyPair keys;
    private final long pricePerRow;
    private final ShapeRanges shapes;
    private final CompletableFuture<Throwable> failed = new CompletableFuture<>();
    private final EngineWatchdog watchdog;
    private final DeviceWatch watch;
    private volatile TensorMetrics metrics = new TensorMetrics(new SimpleMeterRegistry(), "", null);

    /**
     * Begins to take requests.
     *
     * @param loaded closed with this engine.
     * @param declared what receipts say of the engine: an honest node declares what it runs.
     * @param keys that sign receipts.
     * @throws IOException where the model is not calibrated for what is declared, or its device has failed.
     */
    public TensorEngine(
            TensorPackage model,
            LoadedTensorModel loaded,
            Fingerprint declared,
            ShapeRanges shapes,
            TensorScheduler.Limits limits,
            KeyPair keys,
            long pricePerRow,
            Events events)
            throws IOException {
        this.manifest = model.manifest();
        this.bounds = model.requireBounds();
        this.modelId = manifest.id();
        this.boundsHash = bounds.hash();
        this.loaded = loaded;
        this.fingerprint = declared;
        this.limits = limits;
        this.keys = keys;
        this.pricePerRow = pricePerRow;
        requireCalibrated(bounds, declared.precision());
        DeviceHealth health = DeviceWatch.sound(loaded::health, events);
        this.scheduler = new TensorScheduler(loaded, manifest, shapes, limits);
        this.shapes = shapes;
        this.watchdog = new EngineWatchdog(new Probe(), failed);
        this.watch = new DeviceWatch(health, failed);
        events.emit(new Event.Serving(declared.toString(), scheduler.unbatched() == null, scheduler.unbatched()));
    }

    private static void requireCalibrated(Bounds bounds, Precision precision) throws IOException {
        try {
            bounds.at(precision);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Completed, by any thread, with why the engine has failed; nothing is answered any more then. */
    public CompletableFuture<Throwable> failed() {
        return failed;
    }

    /** Why it is not ready, for the operator; null where it is. */
    public String notReady() {
        return failed.isDone() ? "the engine has failed" : watchdog.hasAnswered() ? null : "no row has come out yet";
    }

    /** One row of random numbers, where the model takes such. */
    private final class Probe implements EngineWatchdog.Probed {
        private static final int SEED = 1;
        private boolean hasRun;
        private boolean isTaken = true;

        @Override
        public long steps() {
            return scheduler.runs();
        }

        @Override
        public CompletableFuture<?> probe() {
            if (!isTaken) {
                return null;
            }
            try {
                List<Tensor> row = RandomInputs.of(manifest, shapes, 1, new Random(SEED));
                return scheduler.submit(row, manifest.outputNames()).handle((result, why) -> {
                    // A model may take no random numbers; one that has taken these before takes them again.
                    if (why != null && hasRun) {
                        throw new CompletionException(why);
                    }
                    hasRun = why == null;
                    isTaken = hasRun;
                    return result;
                });
            } catch (IllegalArgumentException e) {
                isTaken = false;
                return null;
            }
        }
    }

    /** 32 bytes. */
    public Bytes32 modelId() {
        return modelId;
    }

    /** Requests that wait for a batch. */
    int queued() {
        return scheduler.queued();
    }

    long pricePerRow() {
        return pricePerRow;
    }

    /** Rows that a request is charged for. */
    int rows(TensorRequest request) {
        return manifest.rows(request.inputs());
    }

    /** The backend that it computes with, for a person. */
    public String describe() {
        return fingerprint.toString();
    }

    /** The room that there is, for a person. */
    public String capacity() {
        int rows = Math.min(limits.rows(), loaded.maxRows());
        return (scheduler.unbatched() == null
                        ? "requests of up to " + rows + " rows are run together"
                        : "one request at a time, since " + scheduler.unbatched())
                + "; " + limits.queued() + " wait, " + limits.timeoutMs() / 1000 + " s at most";
    }

    /**
     * Whether a request is one of this model's, and could be judged; looked at before anything is computed for it.
     *
     * @throws IllegalArgumentException saying why it is not answered.
     */
    public void requireAnswerable(TensorRequest request) {
        if (!request.modelId().equals(modelId)) {
            throw new IllegalArgumentException("This node runs model " + modelId + ".");
        }
        if (!Arrays.equals(request.bounds(), boundsHash) || request.precision() != fingerprint.precision()) {
            throw new IllegalArgumentException("This node computes in " + fingerprint.precision()
                    + " and is held to bounds " + HexFormat.of().formatHex(boundsHash) + ".");
        }
        bounds.checkInputs(request.inputs());
        manifest.requireAnswerFits(request.inputs(), request.outputs());
    }

    /**
     * Has a request run that {@link #requireAnswerable} lets pass. The future ends when its time is over at the latest.
     *
     * @throws IllegalArgumentException where the model does not take it.
     * @throws RejectedExecutionException where too many wait.
     */
    public CompletableFuture<TensorScheduler.Result> submit(TensorRequest request) {
        TensorMetrics measured = metrics;
        long began = System.nanoTime();
        int rows = rows(request);
        return scheduler
                .submit(request.inputs(), request.outputs())
                .whenComplete((result, why) -> measured.over(began, rows, why));
    }

    /** Adds its metrics; requests that begin from now on count. */
    public void bindTo(MeterRegistry registry) {
        metrics = new TensorMetrics(registry, modelId.toString(), scheduler);
    }

    /** An answer and its receipt. */
    public record Signed(TensorAnswer answer, Receipt receipt) {}

    /**
     * Signs for what was computed, where it can be shown to an auditor and is what the model declares.
     *
     * @param requestBytes of the request, encoded.
     * @throws AnswerTooLargeException where no auditor could be shown it.
     * @throws IOException where the model gives another shape or type than it declares.
     * @throws io.plumbline.inference.language.engine.DeviceUnsoundException where the device that computed it has
     *     failed.
     */
    public Signed signed(TensorRequest request, long requestBytes, TensorScheduler.Result result) throws IOException {
        requireSound(requestBytes, request, result.outputs());
        watch.requireSound();
        TensorAnswer answer = new TensorAnswer(result.outputs(), fingerprint);
        int rows = rows(request);
        return new Signed(
                answer, Receipt.of(request, answer, rows, Math.multiplyExact(pricePerRow, (long) rows), keys));
    }

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
    public void close() {
        watchdog.close();
        watch.close();
        scheduler.close();
        loaded.close();
    }
}
