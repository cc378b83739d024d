package io.plumbline.gpu.tensorrt;

import static org.bytedeco.tensorrt.global.nvinfer.createInferRuntime;

import io.plumbline.gpu.cuda.Cuda;
import io.plumbline.gpu.cuda.CudaAccelerator;
import io.plumbline.gpu.cuda.CudaException;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.onnx.TensorRtOperators;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.util.List;
import java.util.SortedSet;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IRuntime;

/** TensorRT on one of this host's GPUs, the first where none is chosen. */
public final class TensorRtBackend implements TensorBackend {
    private final String device;

    /** On the first GPU. */
    public TensorRtBackend() {
        this("");
    }

    private TensorRtBackend(String device) {
        this.device = device;
    }

    @Override
    public String name() {
        return "tensorrt";
    }

    @Override
    public String absence() {
        return TensorRt.absence();
    }

    @Override
    public List<Precision> precisions() {
        return List.of(Precision.values());
    }

    @Override
    public TensorBackend onDevice(String name) {
        new CudaAccelerator().select(name);
        return new TensorRtBackend(name);
    }

    @Override
    public LoadedTensorModel load(
            TensorPackage model, Precision precision, ShapeRanges shapes, int threads, DoubleConsumer progress)
            throws IOException {
        if (absence() != null) {
            throw new IOException(absence());
        }
        String undeclared =
                shapes.missing(model.manifest(), "TensorRT builds an engine for the sizes that are declared");
        if (undeclared != null) {
            throw new IOException(undeclared);
        }
        List<Device> devices = new CudaAccelerator().find().devices();
        int index = Device.find(devices, device);
        try {
            return loadHere(index, model, precision, shapes, progress);
        } catch (CudaException e) {
            throw new IOException("The GPU " + devices.get(index) + " failed: " + e.getMessage(), e);
        } catch (IllegalArgumentException | ArithmeticException e) {
            // Declared shapes that the engine does not take, or that no memory holds.
            throw new IOException("TensorRT cannot serve " + model.name() + ": " + e.getMessage(), e);
        }
    }

    private LoadedTensorModel loadHere(
            int index, TensorPackage model, Precision precision, ShapeRanges shapes, DoubleConsumer progress)
            throws IOException {
        Cuda cuda = new Cuda(index);
        try {
            TensorRtLog log = TensorRtLog.ofProcess();
            String version = TensorRt.version();
            EngineCache cache = EngineCache.usual();
            String key = EngineCache.key(model.manifest().id(), version, cuda.name(), precision, shapes);
            byte[] plan = cache.find(key);
            if (plan == null) {
                plan = build(model, precision, shapes, log, progress, cache, EngineCache.timings(version, cuda.name()));
                cache.keep(key, plan);
            }
            Fingerprint fingerprint = new Fingerprint(
                    name(), version, cuda.name() + " " + cuda.capability(), precision, Blake3.hex(Blake3.hash(plan)));
            LoadedTensorModel loaded = deserialized(cuda, plan, model, shapes, fingerprint, log);
            progress.accept(1);
            return loaded;
        } catch (IOException | RuntimeException e) {
            cuda.close();
            throw e;
        }
    }

    private static byte[] build(
            TensorPackage model,
            Precision precision,
            ShapeRanges shapes,
            TensorRtLog log,
            DoubleConsumer progress,
            EngineCache cache,
            String timings)
            throws IOException {
        SortedSet<String> missing = TensorRtOperators.missing(model.onnx());
        try {
            return new EngineBuild(model, precision, shapes, log, progress).run(cache, timings);
        } catch (IOException e) {
            throw missing.isEmpty()
                    ? e
                    : new IOException(
                            e.getMessage() + " By its table it does not take " + String.join(", ", missing) + ".", e);
        }
    }

    private static LoadedTensorModel deserialized(
            Cuda cuda, byte[] plan, TensorPackage model, ShapeRanges shapes, Fingerprint fingerprint, TensorRtLog log)
            throws IOException {
        IRuntime runtime = createInferRuntime(log);
        if (!TensorRt.isThere(runtime)) {
            throw new IOException("TensorRT cannot be started on this GPU. " + log.complaints());
        }
        ICudaEngine engine = null;
        try (BytePointer serialized = new BytePointer(plan)) {
            engine = runtime.deserializeCudaEngine(serialized, plan.length);
            if (!TensorRt.isThere(engine)) {
                throw new IOException("TensorRT does not take its own engine back. " + log.complaints());
            }
            return new TensorRtModel(cuda, runtime, engine, model.manifest(), shapes, fingerprint, log);
        } catch (IOException | RuntimeException e) {
            CppObjects.delete(engine);
            CppObjects.delete(runtime);
            throw e;
        }
    }
}
