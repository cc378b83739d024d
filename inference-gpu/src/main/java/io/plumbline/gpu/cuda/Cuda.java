package io.plumbline.gpu.cuda;

import static org.bytedeco.cuda.global.cudart.*;

import io.plumbline.inference.language.engine.Device;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUlaunchConfig;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudart.CUuuid;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * One GPU: its context, memory, streams and our kernels, through the CUDA driver. Only the driver is asked for, so
 * that a host needs no toolkit. Addresses on the device are plain longs. Every failure is a {@link CudaException}.
 */
@SuppressWarnings("restricted")
public final class Cuda implements AutoCloseable {
    private static final String KERNELS = "/io/plumbline/native/cuda/plumbline.fatbin";

    /** Kernels of one compute capability alone. */
    private static final String HOPPER_KERNELS = "/io/plumbline/native/cuda/hopper.cubin";

    private static final String HOPPER = "9.0";

    /** Shared memory that a block may have without asking, static and dynamic together, in bytes. */
    private static final int SHARED_BY_DEFAULT = 48 << 10;

    /** Of the driver's interface, as cuDriverGetVersion counts: CUDA 13.0, which the kernels are compiled for. */
    private static final int LEAST_DRIVER = 13_000;

    private static final int MULTIPROCESSORS = 16;
    private static final int MAJOR = 75;
    private static final int MINOR = 76;
    private static final int STATIC_SHARED = 1;
    private static final int MAX_DYNAMIC_SHARED = 8;
    private static final int NON_BLOCKING = 1;
    private static final int WITHOUT_TIMING = 2;
    private static final int CAPTURE_THREAD_LOCAL = 1;

    /** A graph's kernels keep the priority of the stream that they were captured in. */
    private static final int PRIORITIES_OF_NODES = 8;

    private final int handle;
    private final String name;
    private final CUctx_st context = new CUctx_st();
    private final List<CUmod_st> modules = new ArrayList<>();
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
        this(device, kernels(KERNELS), Kernels.dynamicShared(), kernels(HOPPER_KERNELS));
    }

    /**
     * With given kernels.
     *
     * @param kernels a fatbin, cubin or PTX.
     * @param dynamicShared names of those that will be launched, with the most dynamic shared memory each will have,
     *     in bytes.
     * @param hopper those of {@link Kernels#hopper}, loaded where the GPU has that capability.
     */
    Cuda(int device, byte[] kernels, Map<String, Integer> dynamicShared, byte[] hopper) {
        start();
        int[] value = new int[1];
        check("cuDeviceGet", cuDeviceGet(value, device));
        this.handle = value[0];
        this.name = nameOf(handle);
        if (attribute(MAJOR) < 8) {
            throw new CudaException("GPU " + device + ", " + name + ", has compute capability " + capability()
                    + "; 8.0 or later is needed (Ampere and newer).");
        }
        check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(context, handle));
        try {
            makeCurrent();
            load(kernels, dynamicShared);
            if (capability().equals(HOPPER)) {
                load(hopper, Kernels.hopper());
            }
        } catch (RuntimeException e) {
            releaseAfter(e);
            throw e;
        }
    }

    private void load(byte[] kernels, Map<String, Integer> dynamicShared) {
        CUmod_st module = new CUmod_st();
        try (BytePointer image = new BytePointer(kernels)) {
            check("cuModuleLoadData", cuModuleLoadData(module, image));
        }
        modules.add(module);
        dynamicShared.forEach((kernel, shared) -> functions.put(kernel, loaded(module, kernel, shared)));
    }

    /** Whether this GPU has a kernel of that name: some are for one compute capability alone. */
    boolean has(String kernel) {
        return functions.containsKey(kernel);
    }

    /** The driver's first calls: how old it is, before what an old one would say of everything else. */
    private static void start() {
        int[] version = new int[1];
        check("cuDriverGetVersion", cuDriverGetVersion(version));
        if (version[0] < LEAST_DRIVER) {
            throw new CudaException(
                    "NVIDIA's driver here offers CUDA " + version[0] / 1000 + "." + version[0] % 1000 / 10
                            + "; these kernels need 13.0: install driver 580 or later, or on a data-centre GPU the package "
                            + "cuda-compat-13-0.");
        }
        check("cuInit", cuInit(0));
    }

    /** What a constructor that failed had taken. */
    private void releaseAfter(RuntimeException why) {
        try {
            unload();
            check("cuDevicePrimaryCtxRelease", cuDevicePrimaryCtxRelease(handle));
        } catch (CudaException e) {
            why.addSuppressed(e);
        }
    }

    private void unload() {
        while (!modules.isEmpty()) {
            check("cuModuleUnload", cuModuleUnload(modules.removeLast()));
        }
    }

    /**
     * Gets a kernel, loads its code, and opts in to its shared memory, where that is more than a block has by
     * default.
     */
    private static CUfunc_st loaded(CUmod_st module, String kernel, int shared) {
        CUfunc_st function = new CUfunc_st();
        check("cuModuleGetFunction of " + kernel, cuModuleGetFunction(function, module, kernel));
        check("cuFuncLoad of " + kernel, cuFuncLoad(function));
        int fixed = functionAttribute(function, kernel, STATIC_SHARED);
        if (fixed + shared > SHARED_BY_DEFAULT) {
            // No more than is asked for: with the static part it must stay within the most that the GPU has, and what a
            // block may have is taken from the first-level cache.
            check("cuFuncSetAttribute of " + kernel, cuFuncSetAttribute(function, MAX_DYNAMIC_SHARED, shared));
        }
        return function;
    }

    private static int functionAttribute(CUfunc_st function, String kernel, int which) {
        int[] value = new int[1];
        check("cuFuncGetAttribute of " + kernel, cuFuncGetAttribute(value, which, function));
        return value[0];
    }

    /** Bytes of static shared memory that a kernel has as compiled for this GPU. */
    int staticShared(String kernel) {
        return functionAttribute(functions.get(kernel), kernel, STATIC_SHARED);
    }

    private static byte[] kernels(String resource) {
        try (InputStream in = Cuda.class.getResourceAsStream(resource)) {
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
        return text(name);
    }

    private static String text(byte[] terminated) {
        int end = 0;
        while (terminated[end] != 0) {
            end++;
        }
        return new String(terminated, 0, end, StandardCharsets.UTF_8);
    }

    /** As nvidia-smi -L shows it. The driver says whether it is a MIG instance's in the name alone. */
    private static String idOf(int handle, String name) {
        byte[] bytes = new byte[16];
        try (CUuuid uuid = new CUuuid()) {
            check("cuDeviceGetUuid", cuDeviceGetUuid(uuid, handle));
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = uuid.bytes(i);
            }
        }
        ByteBuffer halves = ByteBuffer.wrap(bytes);
        return (name.contains(" MIG ") ? "MIG-" : "GPU-") + new UUID(halves.getLong(), halves.getLong());
    }

    private static String busOf(int handle) {
        byte[] bus = new byte[32];
        check("cuDeviceGetPCIBusId", cuDeviceGetPCIBusId(bus, bus.length, handle));
        return text(bus).toLowerCase(Locale.ROOT);
    }

    /** This host's GPUs, or what of them this process is shown. */
    static List<Device> devices() {
        start();
        int[] value = new int[1];
        check("cuDeviceGetCount", cuDeviceGetCount(value));
        int count = value[0];
        List<Device> devices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            check("cuDeviceGet", cuDeviceGet(value, i));
            String name = nameOf(value[0]);
            devices.add(new Device(name, idOf(value[0], name), busOf(value[0])));
        }
        return devices;
    }

    public String name() {
        return name;
    }

    /** As {@link Device#id}. */
    public String id() {
        return idOf(handle, name);
    }

    /** Compute capability, as "9.0". */
    public String capability() {
        return attribute(MAJOR) + "." + attribute(MINOR);
    }

    private int attribute(int which) {
        int[] value = new int[1];
        check("cuDeviceGetAttribute", cuDeviceGetAttribute(value, which, handle));
        return value[0];
    }

    int multiprocessors() {
        return attribute(MULTIPROCESSORS);
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

    /** In order, and not ordered with the streams of others. */
    public CUstream_st stream() {
        CUstream_st stream = new CUstream_st();
        check("cuStreamCreate", cuStreamCreate(stream, NON_BLOCKING));
        return stream;
    }

    /** The same, before all others: blocks of its kernels take what places become free first. */
    CUstream_st urgentStream() {
        int[] least = new int[1];
        int[] greatest = new int[1];
        check("cuCtxGetStreamPriorityRange", cuCtxGetStreamPriorityRange(least, greatest));
        CUstream_st stream = new CUstream_st();
        check("cuStreamCreateWithPriority", cuStreamCreateWithPriority(stream, NON_BLOCKING, greatest[0]));
        return stream;
    }

    public void destroy(CUstream_st stream) {
        check("cuStreamDestroy", cuStreamDestroy(stream));
    }

    public void await(CUstream_st stream) {
        check("cuStreamSynchronize", cuStreamSynchronize(stream));
    }

    CUevent_st event() {
        return event(WITHOUT_TIMING);
    }

    /** One that {@link #milliseconds} can tell the time of. */
    CUevent_st timedEvent() {
        return event(0);
    }

    private static CUevent_st event(int flags) {
        CUevent_st event = new CUevent_st();
        check("cuEventCreate", cuEventCreate(event, flags));
        return event;
    }

    /** Between two events that were recorded with their time and have come. */
    float milliseconds(CUevent_st from, CUevent_st to) {
        float[] milliseconds = new float[1];
        check("cuEventElapsedTime", cuEventElapsedTime(milliseconds, from, to));
        return milliseconds[0];
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
            check("cuGraphInstantiate", cuGraphInstantiate(executable, graph, PRIORITIES_OF_NODES));
        } finally {
            check("cuGraphDestroy", cuGraphDestroy(graph));
        }
        return executable;
    }

    /** Ends a recording in which something failed; what it says is of no interest beside that. */
    void abandonCapture(CUstream_st stream) {
        CUgraph_st graph = new CUgraph_st();
        if (cuStreamEndCapture(stream, graph) == 0) {
            check("cuGraphDestroy", cuGraphDestroy(graph));
        }
    }

    public void launch(CUgraphExec_st graph, CUstream_st stream) {
        check("cuGraphLaunch", cuGraphLaunch(graph, stream));
    }

    public void destroy(CUgraphExec_st graph) {
        check("cuGraphExecDestroy", cuGraphExecDestroy(graph));
    }

    /** Whether a kernel may be launched so that it begins before the one before it has ended. */
    boolean overlapsKernels() {
        return attribute(MAJOR) >= 9;
    }

    /**
     * Launches a kernel after everything before it in {@code stream}.
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
        check(
                "cuLaunchKernel of " + kernel,
                cuLaunchKernel(function(kernel), x, y, z, threads, 1, 1, shared, stream, arguments, null));
    }

    /**
     * Launches a kernel that may begin before the kernel before it in its stream has ended; it waits itself, see
     * machine.cuh. Nothing else may stand between them.
     *
     * @param how stream, grid, and the attribute that says so.
     */
    void launch(CUlaunchConfig how, String kernel, PointerPointer<?> arguments) {
        check("cuLaunchKernelEx of " + kernel, cuLaunchKernelEx(how, function(kernel), arguments, null));
    }

    private CUfunc_st function(String kernel) {
        CUfunc_st function = functions.get(kernel);
        if (function == null) {
            throw new CudaException("There is no kernel " + kernel + " in Kernels.java.");
        }
        return function;
    }

    @Override
    public void close() {
        makeCurrent();
        unload();
        check("cuDevicePrimaryCtxRelease", cuDevicePrimaryCtxRelease(handle));
    }
}
