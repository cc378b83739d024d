package io.plumbline.inference.tensor;

import com.sun.management.OperatingSystemMXBean;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;

/**
 * One bounded arena for the tensors of all runs of ONNX Runtime in this process. Without it a request whose model
 * expands a shape to terabytes ends the process, and all that it serves or audits; with it that run fails alone. The
 * Java API has no such bound: it is set through the C API of the library that the Java API has loaded.
 */
@SuppressWarnings("restricted")
final class OnnxRuntimeArena {
    /** Bytes for all runs at once; half of the host's memory where nothing is said. Weights are not counted. */
    private static final String LIMIT = "plumbline.onnx.memory";

    /** A version whose functions stand where {@link Function} says; later ones only add to it. */
    private static final int API_VERSION = 16;

    /** Places of functions in {@code OrtApi} of onnxruntime_c_api.h. */
    private enum Function {
        GET_ERROR_MESSAGE(2),
        CREATE_ENV(3),
        CREATE_CPU_MEMORY_INFO(69),
        CREATE_AND_REGISTER_ALLOCATOR(144),
        CREATE_ARENA_CFG_V2(164);

        private final int place;

        Function(int place) {
            this.place = place;
        }
    }

    /** {@code OrtAllocatorType} and {@code OrtMemType} of memory that a session computes in. */
    private static final int ARENA_ALLOCATOR = 1;

    private static final int DEFAULT_MEMORY = 0;

    private static final int LOG_FATAL = 4;

    /** Regions are as large as asked for: doubled ones would come to the limit with half of it unused. */
    private static final long SAME_AS_REQUESTED = 1;

    private static final AddressLayout POINTER =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

    private OnnxRuntimeArena() {}

    /** Bytes that all runs may have at once. */
    static long limit() {
        long memory = ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 4L << 30;
        return Long.getLong(LIMIT, memory / 2);
    }

    /**
     * Registers the arena with ONNX Runtime's environment, which exists. Called once.
     *
     * @return why it cannot be, or null.
     */
    static String register() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment base = (MemorySegment) Linker.nativeLinker()
                    .downcallHandle(
                            SymbolLookup.loaderLookup()
                                    .find("OrtGetApiBase")
                                    .orElseThrow(() -> new IllegalStateException("OrtGetApiBase is not to be seen")),
                            FunctionDescriptor.of(POINTER))
                    .invokeExact();
            MemorySegment api = (MemorySegment) Linker.nativeLinker()
                    .downcallHandle(base.get(POINTER, 0), FunctionDescriptor.of(POINTER, ValueLayout.JAVA_INT))
                    .invokeExact(API_VERSION);
            MemorySegment out = arena.allocate(POINTER);
            // The environment is one to a process: this gives the one that Java has.
            check(api, (MemorySegment)
                    status(api, Function.CREATE_ENV, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS)
                            .invokeExact(LOG_FATAL, arena.allocateFrom("plumbline"), out));
            MemorySegment environment = out.get(POINTER, 0);
            check(api, (MemorySegment) status(
                            api,
                            Function.CREATE_CPU_MEMORY_INFO,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS)
                    .invokeExact(ARENA_ALLOCATOR, DEFAULT_MEMORY, out));
            MemorySegment memory = out.get(POINTER, 0);
            String[] keys = {"max_mem", "arena_extend_strategy"};
            MemorySegment names = arena.allocate(ValueLayout.ADDRESS, keys.length);
            for (int i = 0; i < keys.length; i++) {
                names.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(keys[i]));
            }
            MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_LONG, limit(), SAME_AS_REQUESTED);
            check(api, (MemorySegment) status(
                            api,
                            Function.CREATE_ARENA_CFG_V2,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS)
                    .invokeExact(names, values, (long) keys.length, out));
            MemorySegment configuration = out.get(POINTER, 0);
            check(api, (MemorySegment) status(
                            api,
                            Function.CREATE_AND_REGISTER_ALLOCATOR,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS)
                    .invokeExact(environment, memory, configuration));
            return null;
        } catch (Throwable e) {
            return "ONNX Runtime's memory cannot be bounded: " + e.getMessage();
        }
    }

    /** A function that gives an error, or none. */
    private static java.lang.invoke.MethodHandle status(
            MemorySegment api, Function function, MemoryLayout... parameters) {
        return Linker.nativeLinker()
                .downcallHandle(api.getAtIndex(POINTER, function.place), FunctionDescriptor.of(POINTER, parameters));
    }

    private static void check(MemorySegment api, MemorySegment status) throws Throwable {
        if (status.address() == 0) {
            return;
        }
        MemorySegment message = (MemorySegment) Linker.nativeLinker()
                .downcallHandle(
                        api.getAtIndex(POINTER, Function.GET_ERROR_MESSAGE.place),
                        FunctionDescriptor.of(POINTER, ValueLayout.ADDRESS))
                .invokeExact(status);
        throw new IllegalStateException(message.getString(0));
    }
}
