package io.plumbline.hardware.tensorrt;

import io.plumbline.hardware.cuda.Cuda;
import io.plumbline.hardware.cuda.CudaException;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorrt.global.nvinfer.DataType;
import org.bytedeco.tensorrt.nvinfer.Dims64;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IExecutionContext;

/**
 * An engine with memory for its largest shapes: inputs go through pinned memory, a run of a shape seen before is one graph, outputs come
 * back through pinned memory. One run at a time.
 *
 * <p>Addresses never change, so that a graph stays good. The bindings have no way to free TensorRT's own objects: a model is loaded once in
 * a process, and they end with it; device memory that is ours is freed.
 */
final class TensorRtModel implements LoadedTensorModel {
    /** Shapes whose graphs are kept. */
    private static final int MAX_GRAPHS = 16;

    private final Cuda cuda;
    private final TensorManifest manifest;
    private final ShapeRanges shapes;
    private final Fingerprint fingerprint;
    private final TensorRtLog log;
    private final IExecutionContext context;
    private final CUstream_st stream;
    private final Map<String, Buffer> buffers = new LinkedHashMap<>();
    private final LinkedHashMap<String, CUgraphExec_st> graphs = new LinkedHashMap<>(16, 0.75f, true);
    private final List<String> seen = new ArrayList<>();
    private boolean canCapture = true;

    /** A tensor's memory on both sides. */
    private record Buffer(long device, MemorySegment host, ElementType type) {}

    /** An address on the device, as a pointer. */
    private static final class Address extends Pointer {
        Address(long value) {
            address = value;
        }
    }

    TensorRtModel(
            Cuda cuda,
            ICudaEngine engine,
            TensorManifest manifest,
            ShapeRanges shapes,
            Fingerprint fingerprint,
            TensorRtLog log)
            throws IOException {
        this.cuda = cuda;
        this.manifest = manifest;
        this.shapes = shapes;
        this.fingerprint = fingerprint;
        this.log = log;
        this.context = engine.createExecutionContext();
        if (!TensorRt.isThere(context)) {
            throw new IOException("TensorRT has no room for the model on this GPU. " + log.complaints());
        }
        this.stream = cuda.stream();
        for (TensorSpec input : manifest.inputs()) {
            if (engine.isShapeInferenceIO(input.name())) {
                throw new IOException("Input \"" + input.name()
                        + "\" decides a shape, which this backend does not pass. Serve the model on ONNX Runtime.");
            }
            long elements = 1;
            for (String dimension : input.dimensions()) {
                elements = Math.multiplyExact(elements, shapes.of(dimension).most());
            }
            add(engine, input, elements * input.type().bytes());
            set(
                    input.name(),
                    input.dimensions().stream()
                            .mapToLong(dimension -> shapes.of(dimension).most())
                            .toArray());
        }
        for (TensorSpec output : manifest.outputs()) {
            Dims64 largest = context.getTensorShape(output.name());
            for (int i = 0; i < largest.nbDims(); i++) {
                if (largest.d(i) < 0) {
                    throw new IOException(
                            "The shape of output \"" + output.name()
                                    + "\" depends on the inputs' data, which this backend does not pass. Serve the model on ONNX Runtime.");
                }
            }
            add(engine, output, context.getMaxOutputSize(output.name()));
        }
    }

    private void add(ICudaEngine engine, TensorSpec spec, long bytes) throws IOException {
        ElementType type = type(engine.getTensorDataType(spec.name()));
        if (type != spec.type()) {
            throw new IOException("TensorRT has \"" + spec.name() + "\" as " + type + ", the model as " + spec.type()
                    + ". Serve the model on ONNX Runtime, or change its type.");
        }
        Buffer buffer = new Buffer(cuda.allocate(bytes), cuda.pinned(Math.max(1, bytes)), type);
        buffers.put(spec.name(), buffer);
        if (!context.setTensorAddress(spec.name(), new Address(buffer.device))) {
            throw new IOException("TensorRT does not take memory for \"" + spec.name() + "\". " + log.complaints());
        }
    }

    private static ElementType type(DataType type) throws IOException {
        return switch (type) {
            case kFLOAT -> ElementType.FP32;
            case kHALF -> ElementType.FP16;
            case kBF16 -> ElementType.BF16;
            case kINT8 -> ElementType.INT8;
            case kUINT8 -> ElementType.UINT8;
            case kINT32 -> ElementType.INT32;
            case kINT64 -> ElementType.INT64;
            case kBOOL -> ElementType.BOOL;
            default -> throw new IOException("TensorRT's type " + type + " is none that is served.");
        };
    }

    private void set(String input, long[] shape) {
        Dims64 dims = new Dims64().nbDims(shape.length);
        for (int i = 0; i < shape.length; i++) {
            dims.d(i, shape[i]);
        }
        if (!context.setInputShape(input, dims)) {
            throw new IllegalArgumentException("Input \"" + input + "\" of shape " + Arrays.toString(shape)
                    + " is outside of what the engine was built for: " + shapes.texts() + ". " + log.complaints());
        }
    }

    @Override
    public Fingerprint fingerprint() {
        return fingerprint;
    }

    @Override
    public int maxRows() {
        String batch = manifest.batchDimension();
        return batch == null ? 1 : (int) shapes.of(batch).most();
    }

    @Override
    public synchronized List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
        if (stop.isStopped()) {
            throw new CancellationException("The run was stopped.");
        }
        cuda.makeCurrent();
        try {
            StringBuilder key = new StringBuilder();
            for (Tensor input : inputs) {
                set(input.name(), input.shape());
                key.append(input.name()).append(Arrays.toString(input.shape()));
                Buffer buffer = buffers.get(input.name());
                MemorySegment part = buffer.host.asSlice(0, input.data().length);
                MemorySegment.copy(input.data(), 0, part, ValueLayout.JAVA_BYTE, 0, input.data().length);
                cuda.upload(stream, buffer.device, part);
            }
            launch(key.toString());
            Map<String, long[]> sizes = new LinkedHashMap<>();
            for (String name : outputs) {
                long[] shape = shape(name);
                sizes.put(name, shape);
                cuda.download(stream, buffers.get(name).host.asSlice(0, bytes(name, shape)), buffers.get(name).device);
            }
            cuda.await(stream);
            List<Tensor> tensors = new ArrayList<>();
            for (String name : outputs) {
                long[] shape = sizes.get(name);
                byte[] data =
                        buffers.get(name).host.asSlice(0, bytes(name, shape)).toArray(ValueLayout.JAVA_BYTE);
                tensors.add(new Tensor(name, buffers.get(name).type, shape, data));
            }
            return tensors;
        } catch (CudaException e) {
            throw new IOException("The GPU failed: " + e.getMessage(), e);
        }
    }

    private long[] shape(String output) {
        Dims64 dims = context.getTensorShape(output);
        long[] shape = new long[dims.nbDims()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = dims.d(i);
        }
        return shape;
    }

    private long bytes(String output, long[] shape) {
        long bytes = buffers.get(output).type.bytes();
        for (long size : shape) {
            bytes *= size;
        }
        return bytes;
    }

    /** Runs the shapes that are set. The first time plainly, because TensorRT prepares itself then; the second time recorded. */
    private void launch(String key) throws IOException {
        CUgraphExec_st graph = graphs.get(key);
        if (graph == null && canCapture && seen.contains(key)) {
            graph = record();
            if (graph != null) {
                graphs.put(key, graph);
                if (graphs.size() > MAX_GRAPHS) {
                    Map.Entry<String, CUgraphExec_st> eldest =
                            graphs.entrySet().iterator().next();
                    graphs.remove(eldest.getKey());
                    seen.remove(eldest.getKey());
                    cuda.await(stream);
                    cuda.destroy(eldest.getValue());
                }
            }
        }
        if (graph != null) {
            cuda.launch(graph, stream);
            return;
        }
        if (!context.enqueueV3(stream)) {
            throw new IOException("TensorRT cannot run the model. " + log.complaints());
        }
        if (!seen.contains(key)) {
            seen.add(key);
            if (seen.size() > 4 * MAX_GRAPHS) {
                seen.removeFirst();
            }
        }
    }

    /** The run as a graph, or null where some layer cannot be recorded: then none is tried again. */
    private CUgraphExec_st record() {
        // Uploads go on beside the recording only if they are done before it.
        cuda.await(stream);
        cuda.beginCapture(stream);
        boolean isEnqueued = context.enqueueV3(stream);
        try {
            CUgraphExec_st graph = cuda.endCapture(stream);
            if (isEnqueued) {
                return graph;
            }
            cuda.destroy(graph);
        } catch (CudaException e) {
            // Said by the flag.
        }
        canCapture = false;
        log.complaints();
        return null;
    }

    @Override
    public synchronized void close() {
        cuda.makeCurrent();
        cuda.await(stream);
        graphs.values().forEach(cuda::destroy);
        for (Buffer buffer : buffers.values()) {
            cuda.free(buffer.device);
            cuda.freePinned(buffer.host);
        }
        cuda.destroy(stream);
        cuda.close();
    }
}
