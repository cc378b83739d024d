package io.plumbline.inference.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The CUDA kernels on this CPU, launched as the driver would launch them, with the order of threads to choose. */
@SuppressWarnings("restricted")
final class Emulated implements AutoCloseable {
    /** Forward, backward and two shuffles: a missing barrier gives different results under some of them. */
    static final long[] ORDERS = {0, 1, 42, 43};

    private static final SymbolLookup LOOKUP = load();

    private final Arena arena = Arena.ofConfined();
    private final MethodHandle launch;
    private final MethodHandle lastError;

    Emulated() {
        assumeTrue(LOOKUP != null, "Skipped: the CUDA kernels were not built for the CPU (no C++ compiler here)");
        launch = Linker.nativeLinker()
                .downcallHandle(
                        LOOKUP.findOrThrow("emu_launch"),
                        FunctionDescriptor.of(
                                JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
                                ADDRESS, JAVA_LONG));
        lastError = Linker.nativeLinker()
                .downcallHandle(LOOKUP.findOrThrow("emu_last_error"), FunctionDescriptor.of(ADDRESS));
    }

    private static SymbolLookup load() {
        try (InputStream in = Emulated.class.getResourceAsStream("/io/plumbline/native/libemulated.so")) {
            if (in == null) {
                return null;
            }
            Path copy = Files.createTempFile("libemulated", ".so");
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            SymbolLookup lookup = SymbolLookup.libraryLookup(copy, Arena.global());
            Files.delete(copy);
            return lookup;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    MemorySegment memory(long bytes) {
        return arena.allocate(Math.max(16, bytes), 64);
    }

    MemorySegment of(byte[] values) {
        return memory(values.length).copyFrom(MemorySegment.ofArray(values));
    }

    MemorySegment of(short[] values) {
        return memory(2L * values.length).copyFrom(MemorySegment.ofArray(values));
    }

    MemorySegment of(int[] values) {
        return memory(4L * values.length).copyFrom(MemorySegment.ofArray(values));
    }

    MemorySegment of(long[] values) {
        return memory(8L * values.length).copyFrom(MemorySegment.ofArray(values));
    }

    MemorySegment of(float[] values) {
        return memory(4L * values.length).copyFrom(MemorySegment.ofArray(values));
    }

    /** Launches and returns what the emulator says: 0 for good. Arguments: Integer, Long, Float, MemorySegment, or null for a null pointer. */
    int launch(String kernel, int gridX, int gridY, int threads, int shared, long order, Object... arguments) {
        MemorySegment list = arena.allocate(ADDRESS, arguments.length);
        for (int i = 0; i < arguments.length; i++) {
            MemorySegment value = switch (arguments[i]) {
                case null -> arena.allocateFrom(ADDRESS, MemorySegment.NULL);
                case Integer v -> arena.allocateFrom(JAVA_INT, v);
                case Long v -> arena.allocateFrom(JAVA_LONG, v);
                case Float v -> arena.allocateFrom(ValueLayout.JAVA_FLOAT, v);
                case MemorySegment m -> arena.allocateFrom(ADDRESS, m);
                default -> throw new IllegalArgumentException("No argument of type " + arguments[i].getClass());
            };
            list.setAtIndex(ADDRESS, i, value);
        }
        try {
            return (int)
                    launch.invokeExact(arena.allocateFrom(kernel), gridX, gridY, 1, threads, 1, 1, shared, list, order);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    void run(String kernel, int gridX, int gridY, int threads, int shared, long order, Object... arguments) {
        int code = launch(kernel, gridX, gridY, threads, shared, order, arguments);
        assertEquals(0, code, () -> kernel + ": " + error());
    }

    String error() {
        try {
            return ((MemorySegment) lastError.invokeExact()).reinterpret(1000).getString(0);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
