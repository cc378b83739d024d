package io.plumbline.node;

import com.beust.jcommander.Parameter;
import io.plumbline.inference.onnx.TensorRtOperators;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.OnnxRuntimeBackend;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;

/** How an inference node runs an ONNX model. */
final class TensorOptions {
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

    @Parameter(names = "--max-rows", description = "ONNX models: most rows in a batch")
    private int maxRows = TensorScheduler.Limits.USUAL.rows();

    @Parameter(
            names = "--timeout-ms",
            description = "ONNX models: longest time from a request's coming in to its answer")
    private long timeoutMs = TensorScheduler.Limits.USUAL.timeoutMs();

    @Parameter(
            names = "--workers",
            description =
                    "ONNX models: batches that run at once, each with its share of the threads; more answer more requests, one"
                            + " answers each sooner")
    private int workers = 1;

    @Parameter(
            names = "--cheat-model",
            description = "compute with this ONNX file in place of the model, to see it caught")
    private Path cheatModel;

    /** What serves the model in this folder. */
    InferenceNode.Serving serving(Path folder, int threads) throws IOException {
        if (maxRows < 1 || timeoutMs < 1 || workers < 1) {
            throw new IOException("--max-rows, --workers and --timeout-ms are 1 or more.");
        }
        TensorPackage model = TensorPackage.open(folder);
        Precision wanted = precision.isEmpty() ? model.precision() : Precision.parse(precision);
        ShapeRanges ranges = shapes.isEmpty() ? model.shapes() : ShapeRanges.parse(shapes);
        TensorScheduler.Limits limits =
                new TensorScheduler.Limits(TensorScheduler.Limits.USUAL.queued(), maxRows, workers, timeoutMs);
        return (place, replies, isFullNode) -> {
            LoadedTensorModel loaded = load(model, wanted, ranges, Math.max(1, threads / workers), replies.events());
            Fingerprint declared = loaded.fingerprint();
            if (cheatModel != null) {
                loaded.close();
                loaded = cheat(wanted);
            }
            return new TensorService(model, loaded, declared, ranges, limits, place.price(), replies, isFullNode);
        };
    }

    private LoadedTensorModel cheat(Precision wanted) throws IOException {
        return Variants.load(cheatModel, wanted);
    }

    private LoadedTensorModel load(
            TensorPackage model, Precision wanted, ShapeRanges ranges, int threads, Events events) throws IOException {
        TensorBackend chosen = choose(model, wanted, events);
        return chosen.load(
                model, wanted, ranges, threads, events.tenths("loading", json -> json.put("backend", chosen.name())));
    }

    private TensorBackend choose(TensorPackage model, Precision wanted, Events events) throws IOException {
        List<TensorBackend> all = TensorBackend.all();
        List<String> names = new ArrayList<>();
        TensorBackend builtIn = null;
        for (TensorBackend one : all) {
            names.add(one.name());
            builtIn = one.name().equals(OnnxRuntimeBackend.NAME) ? one : builtIn;
            if (one.name().equals(backend)) {
                if (one.absence() != null) {
                    throw new IOException(one.name() + " cannot be used here: " + one.absence());
                }
                return one;
            }
        }
        if (!backend.equals("auto")) {
            throw new IOException("--backend is auto or one of " + names + ", not " + backend + ".");
        }
        SortedSet<String> missing = TensorRtOperators.missing(model.onnx());
        for (TensorBackend one : all) {
            if (one.name().equals(builtIn.name()) || !one.precisions().contains(wanted)) {
                continue;
            }
            String why = one.absence();
            if (why == null && !missing.isEmpty()) {
                why = "it does not take " + String.join(", ", missing)
                        + ". Replace them in the model, or stay with ONNX Runtime";
            }
            if (why == null) {
                return one;
            }
            String reason = why;
            events.emit("not-used", json -> json.put("backend", one.name()).put("why", reason));
        }
        return builtIn;
    }
}
