package io.plumbline.gpu.tensorrt;

import io.plumbline.gpu.cuda.Cuda;
import io.plumbline.gpu.cuda.CudaException;
import io.plumbline.gpu.nvml.NvmlHealth;
import io.plumbline.inference.language.engine.DeviceHealth;
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
import org.bytedeco.tensorrt.global.nvinfer.ExecutionContextAllocationStrategy;
import org.bytedeco.tensorrt.nvinfer.Dims64;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IExecutionContext;
import org.bytedeco.tensorrt.nvinfer.IRuntime;

/**
 * An engine with memory for its largest shapes: inputs go through pinned memory, a run of a shape seen before is one
 * graph, outputs come back through pinned memory. One run at a time.
 *
 * <p>Every shape has a context of its own, whose shapes are set once: a graph is good for the state that its context
 * had when it was recorded, and for no other. Contexts share the memory that they compute in, since they run one
 * after the other. Addresses never change.
 */
final class TensorRtModel implements LoadedTensorModel {
    /** Shapes whose contexts and graphs are kept. */
    private static final int MAX_SHAPES = 16;

    private final Cuda cuda;
    private final IRuntime runtime;
    private final ICudaEngine engine;
    private final TensorManifest manifest;
    private final ShapeRanges shapes;
    private final Fingerprint fingerprint;
    private final TensorRtLog log;
    private final CUstream_st stream;
    private final Map<String, Buffer> buffers = new LinkedHashMap<>();
    private final LinkedHashMap<String, Prepared> byShape = new LinkedHashMap<>(16, 0.75f, true);

    /** What contexts compute in, one after the other. */
    private long scratch;

    private long scratchBytes;

    /** One shape of the inputs. */
    private static final class Prepared {
        private final IExecutionContext context;
        private final Map<String, long[]> outputs = new LinkedHashMap<>();
        private CUgraphExec_st graph;
        private boolean hasRun;
        private boolean isPlain;

        Prepared(IExecutionContext context) {
            this.context = context;
        }
    }

    /** A tensor's memory on both sides. */
    private record Buffer(long device, MemorySegment host, ElementType type) {}

    /** An address on the device, as a pointer. */
    private static final class Address extends Pointer {
        Address(long value) {
            address = value;
        }
    }

    /**
     * Takes a runtime, an engine and a GPU over, which end with this; where it throws they are the caller's still.
     *
     * @param engine made by {@code runtime}.
     */
    TensorRtModel(
            Cuda cuda,
            IRuntime runtime,
            ICudaEngine engine,
            TensorManifest manifest,
            ShapeRanges shapes,
            Fingerprint fingerprint,
            TensorRtLog log)
            throws IOException {
        this.cuda = cuda;
        this.runtime = runtime;
        this.engine = engine;
        this.manifest = manifest;
        this.shapes = shapes;
        this.fingerprint = fingerprint;
        this.log = log;
        this.stream = cuda.stream();
        IExecutionContext largest = null;
        try {
            largest = context();
            allocate(largest);
            this.scratchBytes = engine.getDeviceMemorySizeV2();
            this.scratch = cuda.allocate(scratchBytes);
        } catch (IOException | RuntimeException e) {
            free();
            throw e;
        } finally {
            CppObjects.delete(largest);
        }
    }

    private IExecutionContext context() throws IOException {
        IExecutionContext context = engine.createExecutionContext(ExecutionContextAllocationStrategy.kUSER_MANAGED);
        if (!TensorRt.isThere(context)) {
            throw new IOException("TensorRT has no room for the model on this GPU. " + log.complaints());
        }
        return context;
    }

    /** Memory of inputs and outputs at their largest. */
    private void allocate(IExecutionContext largest) throws IOException {
        for (TensorSpec input : manifest.inputs()) {
            if (engine.isShapeInferenceIO(input.name())) {
                throw new IOException("Input \"" + input.name()
                        + "\" decides a shape, which this backend does not pass. Serve the model on ONNX Runtime.");
            }
            long elements = 1;
            for (String dimension : input.dimensions()) {
                elements = Math.multiplyExact(elements, shapes.of(dimension).most());
            }
            add(input, Math.multiplyExact(elements, input.type().bytes()));
            set(
                    largest,
                    input.name(),
                    input.dimensions().stream()
                            .mapToLong(dimension -> shapes.of(dimension).most())
                            .toArray());
        }
        for (TensorSpec output : manifest.outputs()) {
            for (long size : shape(largest, output.name())) {
                if (size < 0) {
                    throw new IOException(
                            "The shape of output \"" + output.name()
                                    + "\" depends on the inputs' data, which this backend does not pass. Serve the model on ONNX Runtime.");
                }
            }
            add(output, largest.getMaxOutputSize(output.name()));
        }
    }

    private void add(TensorSpec spec, long bytes) throws IOException {
        ElementType type = type(engine.getTensorDataType(spec.name()));
        if (type != spec.type()) {
            throw new IOException("TensorRT has \"" + spec.name() + "\" as " + type + ", the model as " + spec.type()
                    + ". Serve the model on ONNX Runtime, or change its type.");
        }
        long device = cuda.allocate(bytes);
        try {
            buffers.put(spec.name(), new Buffer(device, cuda.pinned(Math.max(1, bytes)), type));
        } catch (RuntimeException e) {
            cuda.free(device);
            throw e;
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

    private void set(IExecutionContext context, String input, long[] shape) {
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
    public DeviceHealth health() throws IOException {
        return NvmlHealth.open(cuda.id());
    }

    @Override
    public Fingerprint fingerprint() {
        return fingerprint;
    }

    @Override
    public int maxRows() {
        String batch = manifest.batchDimension();
        return batch == null
                ? 1
                : (int) Math.min(Integer.MAX_VALUE, shapes.of(batch).most());
    }

    @Override
    public synchronized List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
        if (stop.isStopped()) {
            throw new CancellationException("The run was stopped.");
        }
        cuda.makeCurrent();
        try {
            Prepared prepared = prepared(inputs);
            for (Tensor input : inputs) {
                Buffer buffer = buffers.get(input.name());
                MemorySegment part = buffer.host.asSlice(0, input.data().length);
                MemorySegment.copy(input.data(), 0, part, ValueLayout.JAVA_BYTE, 0, input.data().length);
                cuda.upload(stream, buffer.device, part);
            }
            launch(prepared);
            for (String name : outputs) {
                long[] shape = prepared.outputs.get(name);
                cuda.download(stream, buffers.get(name).host.asSlice(0, bytes(name, shape)), buffers.get(name).device);
            }
            cuda.await(stream);
            List<Tensor> tensors = new ArrayList<>();
            for (String name : outputs) {
                long[] shape = prepared.outputs.get(name);
                byte[] data =
                        buffers.get(name).host.asSlice(0, bytes(name, shape)).toArray(ValueLayout.JAVA_BYTE);
                tensors.add(new Tensor(name, buffers.get(name).type, shape, data));
            }
            return tensors;
        } catch (CudaException e) {
            throw new IOException("The GPU failed: " + e.getMessage(), e);
        }
    }

    private static long[] shape(IExecutionContext context, String output) {
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

    /** The context of these inputs' shape, with all that stays as it is from run to run. */
    private Prepared prepared(List<Tensor> inputs) throws IOException {
        StringBuilder key = new StringBuilder();
        for (TensorSpec spec : manifest.inputs()) {
            for (Tensor input : inputs) {
                if (input.name().equals(spec.name())) {
                    key.append(Arrays.toString(input.shape()));
                }
            }
        }
        Prepared prepared = byShape.get(key.toString());
        if (prepared == null) {
            prepared = prepare(inputs);
            byShape.put(key.toString(), prepared);
            if (byShape.size() > MAX_SHAPES) {
                String eldest = byShape.keySet().iterator().next();
                cuda.await(stream);
                free(byShape.remove(eldest));
            }
        }
        return prepared;
    }

    private Prepared prepare(List<Tensor> inputs) throws IOException {
        Prepared prepared = new Prepared(context());
        try {
            prepared.context.setDeviceMemoryV2(new Address(scratch), scratchBytes);
            for (Tensor input : inputs) {
                set(prepared.context, input.name(), input.shape());
            }
            for (Map.Entry<String, Buffer> buffer : buffers.entrySet()) {
                if (!prepared.context.setTensorAddress(buffer.getKey(), new Address(buffer.getValue().device))) {
                    throw new IOException(
                            "TensorRT does not take memory for \"" + buffer.getKey() + "\". " + log.complaints());
                }
            }
            for (TensorSpec output : manifest.outputs()) {
                prepared.outputs.put(output.name(), shape(prepared.context, output.name()));
            }
            return prepared;
        } catch (IOException | RuntimeException e) {
            free(prepared);
            throw e;
        }
    }

    /** Runs a shape. The first time plainly, because TensorRT prepares itself then; the second time recorded. */
    private void launch(Prepared prepared) throws IOException {
        if (prepared.graph == null && prepared.hasRun && !prepared.isPlain) {
            record(prepared);
        }
        if (prepared.graph != null) {
            cuda.launch(prepared.graph, stream);
            return;
        }
        if (!prepared.context.enqueueV3(stream)) {
            throw new IOException("TensorRT cannot run the model. " + log.complaints());
        }
        prepared.hasRun = true;
    }

    /** Records the run as a graph. Where some layer cannot be recorded this shape is run plainly from now on. */
    private void record(Prepared prepared) {
        // Uploads go on beside the recording only if they are done before it.
        cuda.await(stream);
        cuda.beginCapture(stream);
        boolean isEnqueued = prepared.context.enqueueV3(stream);
        try {
            CUgraphExec_st graph = cuda.endCapture(stream);
            if (isEnqueued) {
                prepared.graph = graph;
                return;
            }
            cuda.destroy(graph);
        } catch (CudaException e) {
            // Said by the flag.
        }
        prepared.isPlain = true;
        log.complaints();
    }

    private void free(Prepared prepared) {
        if (prepared.graph != null) {
            cuda.destroy(prepared.graph);
        }
        CppObjects.delete(prepared.context);
    }

    /** What is this object's alone. */
    private void free() {
        cuda.await(stream);
        byShape.values().forEach(this::free);
        byShape.clear();
        for (Buffer buffer : buffers.values()) {
            cuda.free(buffer.device);
            cuda.freePinned(buffer.host);
        }
        buffers.clear();
        if (scratch != 0) {
            cuda.free(scratch);
        }
        cuda.destroy(stream);
    }

    @Override
    public synchronized void close() {
        cuda.makeCurrent();
        free();
        CppObjects.delete(engine);
        CppObjects.delete(runtime);
        cuda.close();
    }
}
