package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.OnnxRuntimeBackend;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.onnx.TensorRtOperators;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.inference.TensorService;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;

/** How an ONNX model is run. */
public final class TensorOptions {
    @Parameter(
            names = "--backend",
            description =
                    "ONNX models: auto, onnxruntime or tensorrt; auto takes TensorRT where it is and takes the model")
    private String backend = "auto";

    @Parameter(
            names = "--precision",
            description = "ONNX models: fp32, tf32, fp16 or int8; as the model is written otherwise")
    private String precision = "";

    @Parameter(
            names = "--shape",
            description =
                    "ONNX models: NAME=SIZE or NAME=LEAST:USUAL:MOST of a dimension, in place of what was said at import")
    private List<String> shapes = new ArrayList<>();

    @Parameter(
            names = "--max-rows",
            description = "ONNX models: most rows in a batch",
            validateValueWith = Bounds.AtLeastOne.class)
    private int maxRows = TensorScheduler.Limits.USUAL.rows();

    @Parameter(
            names = "--timeout-ms",
            description = "ONNX models: longest time from a request's coming in to its answer",
            validateValueWith = Bounds.AtLeastOne.class)
    private long timeoutMs = TensorScheduler.Limits.USUAL.timeoutMs();

    @Parameter(
            names = "--workers",
            description =
                    "ONNX models: batches that run at once, each with its share of the threads; more answer more requests, one"
                            + " answers each sooner",
            validateValueWith = Bounds.AtLeastOne.class)
    private int workers = 1;

    private final List<TensorBackend> backends;

    /** What requests are computed with. */
    @FunctionalInterface
    interface Computed {
        LoadedTensorModel of(LoadedTensorModel loaded, Precision precision) throws IOException;
    }

    public TensorOptions() {
        this(TensorBackend.all());
    }

    /** @param backends of this host, the built-in one first. */
    TensorOptions(List<TensorBackend> backends) {
        this.backends = backends;
    }

    /** Conditions on the options. */
    public List<Check> checks() {
        return List.of(this::requireBackend, this::requirePrecision, this::requireShapes);
    }

    private void requireBackend() throws IOException {
        if (!backend.equals("auto")
                && backends.stream().noneMatch(one -> one.name().equals(backend))) {
            throw new IOException("--backend is auto or one of "
                    + backends.stream().map(TensorBackend::name).toList() + ", not " + backend + ".");
        }
    }

    private void requirePrecision() throws IOException {
        try {
            if (!precision.isEmpty()) {
                Precision.parse(precision);
            }
        } catch (IllegalArgumentException e) {
            throw new IOException("--precision: " + e.getMessage(), e);
        }
    }

    private void requireShapes() throws IOException {
        try {
            ShapeRanges.parse(shapes);
        } catch (IllegalArgumentException e) {
            throw new IOException("--shape: " + e.getMessage(), e);
        }
    }

    /**
     * What serves the model in this folder.
     *
     * @param device "auto", "cpu", "gpu", or the name of a GPU, see {@link Device#isName}.
     * @param computed says what requests are computed with, of what was loaded.
     */
    InferenceNode.Serving serving(Path folder, String device, int threads, Computed computed) throws IOException {
        Plan plan = plan(folder, device, threads);
        return (place, replies, isFullNode) -> new TensorService(
                engine(plan, computed, replies.keys(), place.price(), replies.events()), replies, isFullNode);
    }

    /**
     * Loads the model in this folder, for a process that answers without a network and asks no price.
     *
     * @param device "auto", "cpu", "gpu", or the name of a GPU, see {@link Device#isName}.
     * @param keys that sign receipts.
     */
    public TensorEngine engine(Path folder, String device, int threads, KeyPair keys, Events events)
            throws IOException {
        return engine(plan(folder, device, threads), (loaded, precision) -> loaded, keys, 0, events);
    }

    /** The choice that the options come to for a model, before any of it is loaded. */
    private record Plan(
            TensorPackage model,
            Precision precision,
            ShapeRanges shapes,
            TensorScheduler.Limits limits,
            String device,
            int threads) {}

    private Plan plan(Path folder, String device, int threads) throws IOException {
        TensorPackage model = TensorPackage.open(folder);
        return new Plan(
                model,
                precision(model),
                shapes(model),
                new TensorScheduler.Limits(TensorScheduler.Limits.USUAL.queued(), maxRows, workers, timeoutMs),
                device,
                Math.max(1, threads / workers));
    }

    /** The precision that a model is to be computed in. */
    public Precision precision(TensorPackage model) {
        return precision.isEmpty() ? model.precision() : Precision.parse(precision);
    }

    /** Sizes that a model's dimensions may have: those that it was declared with, and those of the options. */
    public ShapeRanges shapes(TensorPackage model) throws IOException {
        ShapeRanges said = ShapeRanges.parse(shapes);
        said.requireKnown(model.manifest());
        return model.shapes().with(said);
    }

    private TensorEngine engine(Plan plan, Computed computed, KeyPair keys, long price, Events events)
            throws IOException {
        TensorPackage model = plan.model;
        model.verify(events.tenths(Event.Verifying::new));
        LoadedTensorModel loaded = load(model, plan.precision, plan.shapes, plan.device, plan.threads, events);
        Fingerprint declared = loaded.fingerprint();
        return new TensorEngine(
                model, computed.of(loaded, plan.precision), declared, plan.shapes, plan.limits, keys, price, events);
    }

    /** Loads the model on the backend that is asked for; "auto" goes on to the next where one does not take it. */
    LoadedTensorModel load(
            TensorPackage model, Precision wanted, ShapeRanges ranges, String device, int threads, Events events)
            throws IOException {
        List<TensorBackend> candidates = candidates(model, wanted, device, events);
        for (TensorBackend one : candidates) {
            try {
                return one.load(
                        model,
                        wanted,
                        ranges,
                        threads,
                        events.tenths(percent -> new Event.Loading(one.name(), percent)));
            } catch (IOException | RuntimeException e) {
                if (one == candidates.getLast()) {
                    throw e;
                }
                notUsed(events, one, e.getMessage());
            }
        }
        throw new IOException("No backend of this host serves the model with --device " + device
                + ": the events say why. Serve it with --device cpu.");
    }

    private static void notUsed(Events events, TensorBackend backend, String why) {
        events.emit(new Event.NotUsed(backend.name(), why));
    }

    /** Backends to try, the best first. */
    private List<TensorBackend> candidates(TensorPackage model, Precision wanted, String device, Events events)
            throws IOException {
        String warning = Accelerator.warning(device);
        if (warning != null) {
            events.emit(new Event.Warning(warning));
        }
        List<TensorBackend> all = new ArrayList<>();
        for (TensorBackend one : backends) {
            all.add(Device.isName(device) ? one.onDevice(device) : one);
        }
        for (TensorBackend one : all) {
            if (one.name().equals(backend)) {
                if (one.absence() != null) {
                    throw new IOException(one.name() + " cannot be used here: " + one.absence());
                }
                return List.of(one);
            }
        }
        requireBackend();
        SortedSet<String> missing = TensorRtOperators.missing(model.onnx());
        List<TensorBackend> candidates = new ArrayList<>();
        for (TensorBackend one : all) {
            boolean isBuiltIn = one.name().equals(OnnxRuntimeBackend.NAME);
            if (isBuiltIn || device.equals("cpu") || !one.precisions().contains(wanted)) {
                continue;
            }
            String why = one.absence();
            if (why == null && !missing.isEmpty()) {
                why = "it does not take " + String.join(", ", missing)
                        + ". Replace them in the model, or stay with ONNX Runtime";
            }
            if (why == null) {
                candidates.add(one);
            } else {
                notUsed(events, one, why);
            }
        }
        if (device.matches("auto|cpu")) {
            all.stream()
                    .filter(one -> one.name().equals(OnnxRuntimeBackend.NAME))
                    .forEach(candidates::add);
        }
        return candidates;
    }
}
