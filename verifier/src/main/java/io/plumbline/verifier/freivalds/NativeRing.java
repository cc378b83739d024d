package io.plumbline.verifier.freivalds;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Objects;

/** The ring in C, called on the very arrays. */
public final class NativeRing implements RingMath {
    private final Form form;

    /** Rows in a call: it holds up the garbage collector. */
    private static final int ROWS = 64;

    /** One instruction set's functions; null for the last two where it has none of its own. */
    public record Form(
            String name,
            MethodHandle dotBytes,
            MethodHandle dotShorts,
            MethodHandle dotInts,
            MethodHandle dotByteInts,
            MethodHandle dotHigh,
            MethodHandle dotLow,
            MethodHandle accumulateBytes,
            MethodHandle accumulateShorts,
            MethodHandle firstFalse,
            MethodHandle accumulateRows) {
        private static Form of(String name) {
            FunctionDescriptor dot = FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT);
            FunctionDescriptor accumulate =
                    FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG);
            return new Form(
                    name,
                    NativeLibrary.function("pl_dot_i8_i64_" + name, dot),
                    NativeLibrary.function("pl_dot_i16_i64_" + name, dot),
                    NativeLibrary.function("pl_dot_i32_i32_" + name, dot),
                    NativeLibrary.function("pl_dot_i8_i32_" + name, dot),
                    NativeLibrary.function("pl_dot_high_i64_" + name, dot),
                    NativeLibrary.function("pl_dot_low_i64_" + name, dot),
                    NativeLibrary.function("pl_accumulate_i8_" + name, accumulate),
                    NativeLibrary.function("pl_accumulate_i16_" + name, accumulate),
                    many(
                            name,
                            "pl_first_false_",
                            FunctionDescriptor.of(
                                    JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT,
                                    JAVA_INT)),
                    many(
                            name,
                            "pl_accumulate_rows_",
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS)));
        }

        /** Functions over many rows at once are written for AVX-512 alone. */
        private static MethodHandle many(String name, String function, FunctionDescriptor type) {
            return name.equals("avx512") ? NativeLibrary.function(function + name, type) : null;
        }
    }

    /** Found once, when first asked. */
    private static final class Holder {
        private static final List<Form> FORMS = NativeLibrary.available(NativeLibrary.VECTORS).stream()
                .map(Form::of)
                .toList();
    }

    public NativeRing(Form form) {
        this.form = form;
    }

    /** Forms that this host runs, best first; none where the library was not built. */
    public static List<Form> forms() {
        return Holder.FORMS;
    }

    private static long dot(MethodHandle function, MemorySegment x, int xOffset, MemorySegment s, int sOffset, int n) {
        try {
            return (long) function.invokeExact(x, (long) xOffset, s, (long) sOffset, n);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void accumulate(
            MethodHandle function, MemorySegment w, int wOffset, int n, int r, long[] s, int sOffset) {
        check(sOffset, n, s.length);
        try {
            function.invokeExact(w, (long) wOffset, n, r, MemorySegment.ofArray(s), (long) sOffset);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** C checks no bounds. */
    private static void check(int offset, int n, int length) {
        Objects.checkFromIndexSize(offset, n, length);
    }

    @Override
    public long dot(byte[] x, int xOffset, long[] s, int sOffset, int n) {
        check(xOffset, n, x.length);
        check(sOffset, n, s.length);
        return dot(form.dotBytes(), MemorySegment.ofArray(x), xOffset, MemorySegment.ofArray(s), sOffset, n);
    }

    @Override
    public long dot(short[] x, int xOffset, long[] s, int sOffset, int n) {
        check(xOffset, n, x.length);
        check(sOffset, n, s.length);
        return dot(form.dotShorts(), MemorySegment.ofArray(x), xOffset, MemorySegment.ofArray(s), sOffset, n);
    }

    @Override
    public long dot(int[] y, int yOffset, int[] r, int rOffset, int n) {
        check(yOffset, n, y.length);
        check(rOffset, n, r.length);
        return dot(form.dotInts(), MemorySegment.ofArray(y), yOffset, MemorySegment.ofArray(r), rOffset, n);
    }

    @Override
    public long dot(byte[] x, int xOffset, int[] r, int rOffset, int n) {
        check(xOffset, n, x.length);
        check(rOffset, n, r.length);
        return dot(form.dotByteInts(), MemorySegment.ofArray(x), xOffset, MemorySegment.ofArray(r), rOffset, n);
    }

    @Override
    public long dotHigh(short[] u, int uOffset, long[] s, int sOffset, int n) {
        check(uOffset, n, u.length);
        check(sOffset, n, s.length);
        return dot(form.dotHigh(), MemorySegment.ofArray(u), uOffset, MemorySegment.ofArray(s), sOffset, n);
    }

    @Override
    public long dotLow(short[] u, int uOffset, long[] s, int sOffset, int n) {
        check(uOffset, n, u.length);
        check(sOffset, n, s.length);
        return dot(form.dotLow(), MemorySegment.ofArray(u), uOffset, MemorySegment.ofArray(s), sOffset, n);
    }

    @Override
    public void accumulate(byte[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        check(wOffset, n, w.length);
        accumulate(form.accumulateBytes(), MemorySegment.ofArray(w), wOffset, n, r, s, sOffset);
    }

    @Override
    public void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        check(wOffset, n, w.length);
        accumulate(form.accumulateShorts(), MemorySegment.ofArray(w), wOffset, n, r, s, sOffset);
    }

    @Override
    public int firstFalse(byte[] x, int[] y, int rows, long[] s, int k, int[] r, int n) {
        int rounds = r.length / n;
        if (form.firstFalse() == null || rounds % 2 != 0) {
            return RingMath.super.firstFalse(x, y, rows, s, k, r, n);
        }
        check(0, rows * k, x.length);
        check(0, rows * n, y.length);
        check(0, rounds * k, s.length);
        try {
            return (int) form.firstFalse()
                    .invokeExact(
                            MemorySegment.ofArray(x),
                            MemorySegment.ofArray(y),
                            rows,
                            MemorySegment.ofArray(s),
                            k,
                            MemorySegment.ofArray(r),
                            n,
                            rounds);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void accumulateRows(MemorySegment w, long offset, int first, int rows, int k, int[] r, int n, long[] s) {
        if (form.accumulateRows() == null || r.length != 2 * n) {
            RingMath.super.accumulateRows(w, offset, first, rows, k, r, n, s);
            return;
        }
        check(first, rows, n);
        check(0, 2 * k, s.length);
        Objects.checkFromIndexSize(offset, (long) rows * k, w.byteSize());
        MemorySegment secrets = MemorySegment.ofArray(r);
        MemorySegment sums = MemorySegment.ofArray(s);
        try {
            for (int at = 0; at < rows; at += ROWS) {
                int here = Math.min(ROWS, rows - at);
                form.accumulateRows()
                        .invokeExact(w, offset + (long) at * k, here, k, secrets, (long) (first + at), (long) n, sums);
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
