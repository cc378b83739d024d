package io.plumbline.hardware.tensorrt;

import static org.bytedeco.tensorrt.global.nvinfer.createInferRuntime;

import io.plumbline.hardware.cuda.Cuda;
import io.plumbline.inference.onnx.TensorRtOperators;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.util.List;
import java.util.SortedSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IRuntime;

/** TensorRT on this host's first GPU. */
public final class TensorRtBackend implements TensorBackend {
    /** Messages that a build of a middling model brings: how far one is, is not told otherwise. */
    private static final double USUAL_MESSAGES = 60;

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
    public LoadedTensorModel load(
            TensorPackage model, Precision precision, ShapeRanges shapes, int threads, DoubleConsumer progress)
            throws IOException {
        if (absence() != null) {
            throw new IOException(absence());
        }
        SortedSet<String> missing = TensorRtOperators.missing(model.onnx());
        Cuda cuda = new Cuda(0);
        try {
            TensorRtLog log = new TensorRtLog();
            String version = TensorRt.version();
            EngineCache cache = EngineCache.usual();
            String key = EngineCache.key(model.manifest().id(), version, cuda.name(), precision, shapes);
            byte[] plan = cache.find(key);
            if (plan == null) {
                AtomicInteger messages = new AtomicInteger();
                log.onMessage(doing -> progress.accept(1 - Math.exp(-messages.incrementAndGet() / USUAL_MESSAGES)));
                try {
                    plan = new EngineBuild(model, precision, shapes, log)
                            .run(cache, EngineCache.timings(version, cuda.name()));
                } catch (IOException e) {
                    throw missing.isEmpty()
                            ? e
                            : new IOException(
                                    e.getMessage() + " By its table it does not take " + String.join(", ", missing)
                                            + ".",
                                    e);
                }
                cache.keep(key, plan);
                log.onMessage(doing -> {});
            }
            IRuntime runtime = createInferRuntime(log);
            if (!TensorRt.isThere(runtime)) {
                throw new IOException("TensorRT cannot be started on this GPU. " + log.complaints());
            }
            ICudaEngine engine = runtime.deserializeCudaEngine(new BytePointer(plan), plan.length);
            if (!TensorRt.isThere(engine)) {
                throw new IOException("TensorRT does not take its own engine back. " + log.complaints());
            }
            progress.accept(1);
            Fingerprint fingerprint = new Fingerprint(
                    name(), version, cuda.name() + " " + cuda.capability(), precision, Blake3.hex(Blake3.hash(plan)));
            return new TensorRtModel(cuda, engine, model.manifest(), shapes, fingerprint, log);
        } catch (IOException | RuntimeException e) {
            cuda.close();
            throw e;
        }
    }
}
