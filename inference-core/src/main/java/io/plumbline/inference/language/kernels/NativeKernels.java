package io.plumbline.inference.language.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.numerics.WeightFormat;
import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.List;

/** The C kernels, called through the foreign function API on the very arrays: nothing is copied. */
public final class NativeKernels implements IntKernels {
    /** Codes by format. */
    private static final MemorySegment[] CODES = Arrays.stream(WeightFormat.values())
            .map(format -> MemorySegment.ofArray(format.codes()))
            .toArray(MemorySegment[]::new);

    private final Form form;

    /** One form's functions. */
    public record Form(
            String name,
            MethodHandle multiply,
            MethodHandle multiplyGrouped,
            MethodHandle scores,
            MethodHandle values) {
        private static Form of(String name) {
            return new Form(
                    name,
                    NativeLibrary.function(
                            "pl_multiply_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG,
                                    JAVA_INT)),
                    NativeLibrary.function(
                            "pl_multiply4_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS,
                                    JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function(
                            "pl_scores_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS,
                                    JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function(
                            "pl_values_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS,
                                    ADDRESS, JAVA_LONG, JAVA_INT)));
        }
    }

    /** Found once, when first asked. */
    private static final class Holder {
        private static final List<Form> FORMS =
                NativeLibrary.available(List.of("amx", "avx512vnni", "avxvnni", "avx2", "neon")).stream()
                        .map(Form::of)
                        .toList();
    }

    public NativeKernels(Form form) {
        this.form = form;
    }

    /** Forms that this host runs, best first; none where the library was not built. */
    public static List<Form> forms() {
        return Holder.FORMS;
    }

    @Override
    public void multiply(
            byte[] in,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        try {
            form.multiply()
                    .invokeExact(
                            MemorySegment.ofArray(in).asSlice(xOffset),
                            rows,
                            k,
                            w,
                            from,
                            to,
                            MemorySegment.ofArray(y),
                            (long) yOffset,
                            yStride);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void multiplyGrouped(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            WeightFormat format,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        try {
            form.multiplyGrouped()
                    .invokeExact(
                            MemorySegment.ofArray(x).asSlice(xOffset),
                            rows,
                            k,
                            w,
                            CODES[format.ordinal()],
                            from,
                            to,
                            MemorySegment.ofArray(y),
                            (long) yOffset,
                            yStride);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void scores(
            short[] q,
            int qOffset,
            int qStride,
            int queries,
            MemorySegment keys,
            long offset,
            int size,
            int blocks,
            int[] s,
            int sOffset,
            int sStride) {
        try {
            form.scores()
                    .invokeExact(
                            MemorySegment.ofArray(q),
                            (long) qOffset,
                            qStride,
                            queries,
                            keys.asSlice(offset),
                            size,
                            blocks,
                            MemorySegment.ofArray(s),
                            (long) sOffset,
                            sStride);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void values(
            short[] u,
            int uOffset,
            int uStride,
            int queries,
            MemorySegment values,
            long offset,
            int size,
            int quads,
            int[] high,
            int[] low,
            int outOffset,
            int outStride) {
        try {
            form.values()
                    .invokeExact(
                            MemorySegment.ofArray(u),
                            (long) uOffset,
                            uStride,
                            queries,
                            values.asSlice(offset),
                            size,
                            quads,
                            MemorySegment.ofArray(high),
                            MemorySegment.ofArray(low),
                            (long) outOffset,
                            outStride);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
