package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.util.List;
import java.util.function.DoubleConsumer;

/** ONNX Runtime on this host's processors: what full nodes audit with, and what serves where there is no GPU. */
public final class OnnxRuntimeBackend implements TensorBackend {
    /** As fingerprints name it. */
    public static final String NAME = "onnxruntime";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String absence() {
        return OnnxRuntimeModel.absence();
    }

    @Override
    public List<Precision> precisions() {
        return List.of(Precision.FP32, Precision.FP16, Precision.INT8);
    }

    @Override
    public LoadedTensorModel load(
            TensorPackage model, Precision precision, ShapeRanges shapes, int threads, DoubleConsumer progress)
            throws IOException {
        if (model.precision() != precision) {
            throw new IOException("ONNX Runtime computes as the model is written, which is " + model.precision()
                    + ": ask for that, or serve " + precision + " on TensorRT.");
        }
        LoadedTensorModel loaded =
                OnnxRuntimeModel.load(model.file(), precision, OnnxRuntimeModel.Options.serving(threads));
        progress.accept(1);
        return loaded;
    }
}
