package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.DoubleConsumer;

/**
 * Something that runs ONNX models: ONNX Runtime on processors is built in, TensorRT is a plug-in found by {@link
 * ServiceLoader} on an inference node's class path.
 */
public interface TensorBackend {
    /** As a fingerprint and the command line name it: "onnxruntime", "tensorrt". */
    String name();

    /** Why it cannot be used on this host and what to do, or null when it can. Quick, and never fails. */
    String absence();

    /** Precisions it can compute in. */
    List<Precision> precisions();

    /**
     * The same on another of this host's devices, where it has several.
     *
     * @param name of the device as the driver has it; its index, from 0; or any other word for the first.
     */
    default TensorBackend onDevice(String name) {
        return this;
    }

    /**
     * Loads a model.
     *
     * @param shapes what requests will look like; backends that build for shapes do so for these.
     * @param progress told the share that is done, 0 to 1.
     * @throws IOException saying what the backend cannot run, and what to do.
     */
    LoadedTensorModel load(
            TensorPackage model, Precision precision, ShapeRanges shapes, int threads, DoubleConsumer progress)
            throws IOException;

    /** All backends: the built-in one first. */
    static List<TensorBackend> all() {
        List<TensorBackend> all = new ArrayList<>(List.of(new OnnxRuntimeBackend()));
        ServiceLoader.load(TensorBackend.class).forEach(all::add);
        return all;
    }
}
