package io.plumbline.hardware.cuda;

import static org.bytedeco.cuda.global.cudart.*;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * One GPU: its context, memory, streams and our kernels, through the CUDA driver. Only the driver is asked for, so that a host needs no
 * toolkit. Addresses on the device are plain longs. Every failure is a {@link CudaException}.
 */
@SuppressWarnings("restricted")
public final class Cuda implements AutoCloseable {
    private static final String KERNELS = "/io/plumbline/native/cuda/plumbline.fatbin";

    /** Shared memory that a block may have without asking. */
    private static final int SHARED_BY_DEFAULT = 48 << 10;

    private static final int MULTIPROCESSORS = 16;
    private static final int MAJOR = 75;
    private static final int MINOR = 76;
    private static final int SHARED_BY_REQUEST = 97;
    private static final int MAX_DYNAMIC_SHARED = 8;
    private static final int NON_BLOCKING = 1;
    private static final int WITHOUT_TIMING = 2;
    private static final int CAPTURE_THREAD_LOCAL = 1;

    private final int device;
    private final String name;
    private final CUctx_st context = new CUctx_st();
    private final CUmod_st module = new CUmod_st();
    private final Map<String, CUfunc_st> functions = new HashMap<>();

    /** A place in this host's memory, for calls that take one. */
    private static final class Address extends Pointer {
        Address(MemorySegment segment) {
            address = segment.address();
        }
    }

    /**
     * Opens a GPU with the kernels of this build.
     *
     * @throws CudaException when this build has none, or the GPU cannot run them.
     */
    public Cuda(int device) {
        this(device, kernels());
    }

    /** With given kernels: a fatbin, cubin or PTX. */
    Cuda(int device, byte[] kernels) {
        this.device = device;
        check("cuInit", cuInit(0));
        int[] handle = new int[1];
        check("cuDeviceGet", cuDeviceGet(handle, device));
        this.name = nameOf(handle[0]);
        check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(context, handle[0]));
        makeCurrent();
        if (attribute(MAJOR) < 8) {
            throw new CudaException("GPU " + device + ", " + name + ", has compute capability " + attribute(MAJOR) + "."
                    + attribute(MINOR) + "; 8.0 or later is needed (Ampere and newer).");
        }
        try (BytePointer image = new BytePointer(kernels)) {
            check("cuModuleLoadData", cuModuleLoadData(module, image));
        }
    }

    private static byte[] kernels() {
        try (InputStream in = Cuda.class.getResourceAsStream(KERNELS)) {
            if (in == null) {
                throw new CudaException(
                        "This build holds no CUDA kernels. Build it where nvcc 13.0 is, or name it with NVCC=.");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new CudaException("The CUDA kernels of this build cannot be read: " + e.getMessage());
        }
    }

    static void check(String call, int code) {
        if (code != 0) {
            throw new CudaException(call, code, text(code, true), text(code, false));
        }
    }

    private static String text(int code, boolean name) {
        try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
            int failed = name ? cuGetErrorName(code, text) : cuGetErrorString(code, text);
            return failed == 0 ? text.get(BytePointer.class, 0).getString() : "unknown";
        }
    }

    private static String nameOf(int handle) {
        byte[] name = new byte[256];
        check("cuDeviceGetName", cuDeviceGetName(name, name.length, handle));
        int end = 0;
        while (name[end] != 0) {
            end++;
        }
        return new String(name, 0, end, StandardCharsets.UTF_8);
    }

    /** Names of this host's GPUs. */
    static List<String> names() {
        check("cuInit", cuInit(0));
        int[] value = new int[1];
        check("cuDeviceGetCount", cuDeviceGetCount(value));
        int count = value[0];
        List<String> names = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            check("cuDeviceGet", cuDeviceGet(value, i));
            names.add(nameOf(value[0]));
        }
        return names;
    }

    public String name() {
        return name;
    }

    /** Compute capability, as "9.0". */
    public String capability() {
        return attribute(MAJOR) + "." + attribute(MINOR);
    }

    private int attribute(int which) {
        int[] value = new int[1];
        check("cuDeviceGetAttribute", cuDeviceGetAttribute(value, which, device));
        return value[0];
    }

    int multiprocessors() {
        return attribute(MULTIPROCESSORS);
    }

    /** Most shared memory that a block may ask for, in bytes. */
    int mostShared() {
        return attribute(SHARED_BY_REQUEST);
    }

    /** Every thread that calls must have done this. */
    public void makeCurrent() {
        check("cuCtxSetCurrent", cuCtxSetCurrent(context));
    }

    /** Bytes of device memory that nobody uses. */
    long freeBytes() {
        try (SizeTPointer free = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            check("cuMemGetInfo", cuMemGetInfo(free, total));
            return free.get();
        }
    }

    /** Device memory, 256-byte aligned. */
    public long allocate(long bytes) {
        long[] address = new long[1];
        check("cuMemAlloc of " + bytes + " bytes", cuMemAlloc(address, Math.max(1, bytes)));
        return address[0];
    }

    public void free(long address) {
        check("cuMemFree", cuMemFree(address));
    }

    /** Host memory that the device reads and writes by itself. */
    public MemorySegment pinned(long bytes) {
        try (PointerPointer<Pointer> address = new PointerPointer<>(1)) {
            check("cuMemHostAlloc of " + bytes + " bytes", cuMemHostAlloc(address, bytes, 0));
            return MemorySegment.ofAddress(address.get(0).address()).reinterpret(bytes);
        }
    }

    public void freePinned(MemorySegment memory) {
        check("cuMemFreeHost", cuMemFreeHost(new Address(memory)));
    }

    public CUstream_st stream() {
        CUstream_st stream = new CUstream_st();
        check("cuStreamCreate", cuStreamCreate(stream, NON_BLOCKING));
        return stream;
    }

    public void destroy(CUstream_st stream) {
        check("cuStreamDestroy", cuStreamDestroy(stream));
    }

    public void await(CUstream_st stream) {
        check("cuStreamSynchronize", cuStreamSynchronize(stream));
    }

    CUevent_st event() {
        CUevent_st event = new CUevent_st();
        check("cuEventCreate", cuEventCreate(event, WITHOUT_TIMING));
        return event;
    }

    void destroy(CUevent_st event) {
        check("cuEventDestroy", cuEventDestroy(event));
    }

    void record(CUevent_st event, CUstream_st stream) {
        check("cuEventRecord", cuEventRecord(event, stream));
    }

    void await(CUevent_st event) {
        check("cuEventSynchronize", cuEventSynchronize(event));
    }

    /** What comes next in {@code stream} waits for {@code event}. */
    void await(CUstream_st stream, CUevent_st event) {
        check("cuStreamWaitEvent", cuStreamWaitEvent(stream, event, 0));
    }

    /** Copies all of {@code from} to the device; it must not change until the stream has come so far. */
    public void upload(CUstream_st stream, long to, MemorySegment from) {
        check("cuMemcpyHtoDAsync", cuMemcpyHtoDAsync(to, new Address(from), from.byteSize(), stream));
    }

    /** Fills all of {@code to} from the device. */
    public void download(CUstream_st stream, MemorySegment to, long from) {
        check("cuMemcpyDtoHAsync", cuMemcpyDtoHAsync(new Address(to), from, to.byteSize(), stream));
    }

    void clear(CUstream_st stream, long at, long bytes) {
        check("cuMemsetD8Async", cuMemsetD8Async(at, (byte) 0, bytes, stream));
    }

    /** Records what is put in {@code stream} from now on, and what joins it, in place of running it. */
    public void beginCapture(CUstream_st stream) {
        check("cuStreamBeginCapture", cuStreamBeginCapture(stream, CAPTURE_THREAD_LOCAL));
    }

    /** Ends the recording and makes it launchable. */
    public CUgraphExec_st endCapture(CUstream_st stream) {
        CUgraph_st graph = new CUgraph_st();
        check("cuStreamEndCapture", cuStreamEndCapture(stream, graph));
        CUgraphExec_st executable = new CUgraphExec_st();
        try {
            check("cuGraphInstantiate", cuGraphInstantiate(executable, graph, 0));
        } finally {
            check("cuGraphDestroy", cuGraphDestroy(graph));
        }
        return executable;
    }

    public void launch(CUgraphExec_st graph, CUstream_st stream) {
        check("cuGraphLaunch", cuGraphLaunch(graph, stream));
    }

    public void destroy(CUgraphExec_st graph) {
        check("cuGraphExecDestroy", cuGraphExecDestroy(graph));
    }

    /**
     * Launches a kernel.
     *
     * @param shared bytes of dynamic shared memory.
     * @param arguments a pointer to each, as the driver wants them.
     */
    void launch(
            CUstream_st stream,
            String kernel,
            int x,
            int y,
            int z,
            int threads,
            int shared,
            PointerPointer<?> arguments) {
        CUfunc_st function = function(kernel, shared);
        check(
                "cuLaunchKernel of " + kernel,
                cuLaunchKernel(function, x, y, z, threads, 1, 1, shared, stream, arguments, null));
    }

    private synchronized CUfunc_st function(String kernel, int shared) {
        CUfunc_st function = functions.get(kernel);
        if (function == null) {
            function = new CUfunc_st();
            check("cuModuleGetFunction of " + kernel, cuModuleGetFunction(function, module, kernel));
            if (shared > SHARED_BY_DEFAULT) {
                check(
                        "cuFuncSetAttribute of " + kernel,
                        cuFuncSetAttribute(function, MAX_DYNAMIC_SHARED, mostShared()));
            }
            functions.put(kernel, function);
        }
        return function;
    }

    @Override
    public void close() {
        makeCurrent();
        check("cuModuleUnload", cuModuleUnload(module));
        check("cuDevicePrimaryCtxRelease", cuDevicePrimaryCtxRelease(device));
    }
}
