package io.plumbline.gpu.tensorrt;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorrt.nvinfer.IProgressMonitor;

/**
 * How far a build is, as TensorRT itself tells it. The bindings can call such a monitor and not be one: this is the
 * object that TensorRT sees, a pointer to a table of functions in the order of {@code IProgressMonitor}, version 1.
 * The headers of every release from 10.0 to 10.16 declare the same functions in this order.
 */
@SuppressWarnings("restricted")
final class BuildProgress implements AutoCloseable {
    /** {@code InterfaceInfo}: a kind and a version. */
    private static final StructLayout INFO = MemoryLayout.structLayout(
            ValueLayout.ADDRESS.withName("kind"),
            ValueLayout.JAVA_INT.withName("major"),
            ValueLayout.JAVA_INT.withName("minor"));

    private static final AddressLayout TEXT =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(4096, ValueLayout.JAVA_BYTE));

    /** A build is done when its engine is there. */
    private static final double MOST = 0.99;

    /** Shared, since TensorRT's own threads call. */
    private final Arena arena = Arena.ofShared();

    private final Map<String, Phase> phases = new LinkedHashMap<>();
    private final DoubleConsumer progress;
    private final MemorySegment info = arena.allocate(INFO);
    private final MemorySegment object = arena.allocate(ValueLayout.ADDRESS);
    private double told;

    /** A phase: so many steps of one step of its parent, or of the build where it has none. */
    private static final class Phase {
        private final String parent;
        private final int steps;
        private int done;

        Phase(String parent, int steps) {
            this.parent = parent;
            this.steps = Math.max(1, steps);
        }
    }

    /** An address, as a pointer. */
    private static final class Address extends Pointer {
        Address(MemorySegment segment) {
            address = segment.address();
        }
    }

    /** @param progress told the share that is done, 0 to 1, by TensorRT's threads. */
    BuildProgress(DoubleConsumer progress) {
        this.progress = progress;
        info.set(ValueLayout.ADDRESS, 0, arena.allocateFrom("IProgressMonitor"));
        info.set(ValueLayout.JAVA_INT, ValueLayout.ADDRESS.byteSize(), 1);
        MemorySegment[] functions = {
            upcall(
                    "language",
                    MethodType.methodType(int.class, MemorySegment.class),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS)),
            upcall(
                    "info",
                    MethodType.methodType(MemorySegment.class, MemorySegment.class),
                    FunctionDescriptor.of(INFO, ValueLayout.ADDRESS)),
            // Both destructors: it is freed with this object.
            upcall(
                    "keep",
                    MethodType.methodType(void.class, MemorySegment.class),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)),
            upcall(
                    "keep",
                    MethodType.methodType(void.class, MemorySegment.class),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)),
            upcall(
                    "start",
                    MethodType.methodType(
                            void.class, MemorySegment.class, MemorySegment.class, MemorySegment.class, int.class),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, TEXT, TEXT, ValueLayout.JAVA_INT)),
            upcall(
                    "step",
                    MethodType.methodType(boolean.class, MemorySegment.class, MemorySegment.class, int.class),
                    FunctionDescriptor.of(ValueLayout.JAVA_BOOLEAN, ValueLayout.ADDRESS, TEXT, ValueLayout.JAVA_INT)),
            upcall(
                    "finish",
                    MethodType.methodType(void.class, MemorySegment.class, MemorySegment.class),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, TEXT))
        };
        MemorySegment table = arena.allocate(ValueLayout.ADDRESS, functions.length);
        for (int i = 0; i < functions.length; i++) {
            table.setAtIndex(ValueLayout.ADDRESS, i, functions[i]);
        }
        object.set(ValueLayout.ADDRESS, 0, table);
    }

    private MemorySegment upcall(String method, MethodType type, FunctionDescriptor descriptor) {
        try {
            MethodHandle handle = MethodHandles.lookup().bind(this, method, type);
            return Linker.nativeLinker().upcallStub(handle, descriptor, arena);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** For {@code IBuilderConfig.setProgressMonitor}; good until this is closed. */
    IProgressMonitor monitor() {
        return new IProgressMonitor(new Address(object));
    }

    /** Where the object is. */
    long address() {
        return object.address();
    }

    // Called by TensorRT. What is thrown here would end the process.

    private int language(MemorySegment self) {
        return 0;
    }

    private MemorySegment info(MemorySegment self) {
        return info;
    }

    private void keep(MemorySegment self) {
        // It belongs to this class.
    }

    private void start(MemorySegment self, MemorySegment phase, MemorySegment parent, int steps) {
        guarded(() -> started(text(phase), parent.address() == 0 ? null : text(parent), steps));
    }

    private boolean step(MemorySegment self, MemorySegment phase, int step) {
        guarded(() -> stepped(text(phase), step));
        return true;
    }

    private void finish(MemorySegment self, MemorySegment phase) {
        guarded(() -> finished(text(phase)));
    }

    /** How far a build is matters less than that it goes on. */
    private static void guarded(Runnable tells) {
        try {
            tells.run();
        } catch (RuntimeException | Error e) {
            // The operator sees no progress this time.
        }
    }

    private static String text(MemorySegment text) {
        return text.address() == 0 ? "" : text.getString(0);
    }

    private synchronized void started(String phase, String parent, int steps) {
        phases.put(phase, new Phase(parent, steps));
    }

    private synchronized void stepped(String name, int step) {
        Phase phase = phases.get(name);
        if (phase != null) {
            phase.done = Math.min(phase.steps, Math.max(phase.done, step + 1));
            tell(phase);
        }
    }

    private synchronized void finished(String name) {
        Phase phase = phases.get(name);
        if (phase != null) {
            phase.done = phase.steps;
            tell(phase);
            phases.remove(name);
        }
    }

    private void tell(Phase phase) {
        double share = (double) phase.done / phase.steps;
        Phase inner = phase;
        // Nested as deep as there are phases: one that is its own ancestor has no end.
        for (int i = 0; i < phases.size() && inner.parent != null && phases.get(inner.parent) != null; i++) {
            inner = phases.get(inner.parent);
            share = Math.min(1, (inner.done + share) / inner.steps);
        }
        if (share > told) {
            told = share;
            progress.accept(Math.min(MOST, share));
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
