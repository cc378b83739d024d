package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * A GPU for tests: the emulated one, whose driver stands in for NVIDIA's below the very same bindings, or with {@code
 * -Dplumbline.gpu=real} the host's own. The emulated one runs a block's threads in an order that can be chosen.
 */
@SuppressWarnings("restricted")
final class Gpu implements AutoCloseable {
    private static final boolean REAL = "real".equals(System.getProperty("plumbline.gpu"));

    /**
     * Forward, backward and two shuffles: a missing barrier gives different results under some of them. A real GPU
     * has an order of its own.
     */
    static final long[] ORDERS = REAL ? new long[] {0} : new long[] {0, 1, 42, 43};

    private static final SymbolLookup EMULATOR = REAL ? null : load();

    /** The emulated GPU has those with faults beside, and those that only tests need. */
    static final Map<String, Integer> KERNELS = new TreeMap<>(Kernels.dynamicShared());

    static {
        for (String name :
                List.of("broken_race", "broken_barrier", "broken_alignment", "broken_wait", "broken_shared")) {
            KERNELS.put(name, 0);
        }
        KERNELS.put("static_and_dynamic", 64 << 10);
        KERNELS.put("wrong_quotients", 0);
    }

    private final Cuda cuda;
    private final CUstream_st stream;
    private final Launcher launcher;
    private final List<Long> allocations = new ArrayList<>();

    /** A place in the GPU's memory. */
    record Buffer(long address, long bytes) {}

    private Gpu(Cuda cuda) {
        this.cuda = cuda;
        this.stream = cuda.stream();
        this.launcher = new Launcher(cuda, stream);
    }

    /** Skips the test where there is none. */
    static Gpu open() {
        return new Gpu(cuda());
    }

    /** One of compute capability 9.0; skips the test where the host's own is another. */
    static Gpu openHopper() {
        install();
        call("emu_set_capability", 9);
        Gpu gpu = open();
        if (!gpu.cuda.has(Probe.WGMMA)) {
            gpu.close();
            assumeTrue(false, "Skipped: these kernels are for compute capability 9.0");
        }
        return gpu;
    }

    /** Makes the emulated driver the host's, for code that looks for one. */
    static void install() {
        assumeTrue(
                REAL || EMULATOR != null,
                "Skipped: the CUDA kernels were not built for the CPU (no C++ compiler here)");
    }

    static Cuda cuda() {
        install();
        if (!REAL) {
            call("emu_forget_failure", -1);
        }
        return REAL ? new Cuda(0) : new Cuda(0, new byte[] {1}, KERNELS, new byte[] {1});
    }

    static boolean isReal() {
        return REAL;
    }

    /** A library of that name that is loaded already is what later asks for it get. */
    private static SymbolLookup load() {
        copy("/io/plumbline/native/cuda/libcudart.so.13");
        return copy("/io/plumbline/native/libcuda.so.1");
    }

    private static SymbolLookup copy(String resource) {
        try (InputStream in = Gpu.class.getResourceAsStream(resource)) {
            if (in == null) {
                return null;
            }
            Path copy = Files.createTempFile("emulated", ".so");
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            SymbolLookup lookup = SymbolLookup.libraryLookup(copy, Arena.global());
            Files.delete(copy);
            return lookup;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Calls a function of the emulator's own; a negative argument is none. Real GPUs have none and give 0. */
    static long call(String function, long argument) {
        if (EMULATOR == null) {
            return 0;
        }
        try {
            MemorySegment symbol = EMULATOR.findOrThrow(function);
            Linker linker = Linker.nativeLinker();
            if (argument < 0) {
                return (long) linker.downcallHandle(symbol, FunctionDescriptor.of(JAVA_LONG))
                        .invokeExact();
            }
            linker.downcallHandle(symbol, FunctionDescriptor.ofVoid(JAVA_LONG)).invokeExact(argument);
            return 0;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Calls a function of the emulator's own that takes a name; -1 where it knows no such kernel. Only where the GPU
     * is emulated.
     */
    static long ask(String function, String name) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) Linker.nativeLinker()
                    .downcallHandle(
                            EMULATOR.findOrThrow(function), FunctionDescriptor.of(JAVA_LONG, ValueLayout.ADDRESS))
                    .invokeExact(arena.allocateFrom(name));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    CUstream_st stream() {
        return stream;
    }

    Cuda driver() {
        return cuda;
    }

    Launcher launcher() {
        return launcher;
    }

    /** Zeros. */
    Buffer memory(long bytes) {
        long n = Math.max(16, bytes);
        long address = cuda.allocate(n);
        allocations.add(address);
        cuda.clear(stream, address, n);
        return new Buffer(address, n);
    }

    private Buffer of(MemorySegment values) {
        Buffer buffer = memory(values.byteSize());
        MemorySegment pinned = cuda.pinned(Math.max(1, values.byteSize()));
        pinned.copyFrom(values);
        cuda.upload(stream, buffer.address(), pinned);
        cuda.await(stream);
        cuda.freePinned(pinned);
        return buffer;
    }

    Buffer of(byte[] values) {
        return of(MemorySegment.ofArray(values));
    }

    Buffer of(short[] values) {
        return of(MemorySegment.ofArray(values));
    }

    Buffer of(int[] values) {
        return of(MemorySegment.ofArray(values));
    }

    Buffer of(long[] values) {
        return of(MemorySegment.ofArray(values));
    }

    Buffer of(float[] values) {
        return of(MemorySegment.ofArray(values));
    }

    /** The first {@code bytes} of a buffer. */
    MemorySegment read(Buffer from, long bytes) {
        MemorySegment pinned = cuda.pinned(Math.max(1, bytes));
        cuda.download(stream, pinned.asSlice(0, bytes), from.address());
        cuda.await(stream);
        byte[] values = pinned.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
        cuda.freePinned(pinned);
        return MemorySegment.ofArray(values);
    }

    /** Launches and waits. Arguments: Integer, Long, Float, Buffer, or null for a null pointer. */
    void run(String kernel, int x, int y, int z, int threads, int shared, long order, Object... arguments) {
        call("emu_set_order", order);
        launcher.kernel(kernel);
        for (Object argument : arguments) {
            switch (argument) {
                case null -> launcher.with(0L);
                case Integer v -> launcher.with(v.intValue());
                case Long v -> launcher.with(v.longValue());
                case Float v -> launcher.with(v.floatValue());
                case Buffer v -> launcher.with(v.address());
                default -> throw new IllegalArgumentException("No argument of type " + argument.getClass());
            }
        }
        launcher.run(x, y, z, threads, shared);
        cuda.await(stream);
    }

    @Override
    public void close() {
        call("emu_set_order", 0);
        call("emu_set_capability", 8);
        allocations.forEach(cuda::free);
        launcher.close();
        cuda.destroy(stream);
        cuda.close();
    }
}
