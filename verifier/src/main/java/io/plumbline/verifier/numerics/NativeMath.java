package io.plumbline.verifier.numerics;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Objects;

/** The contract in C, called on the very arrays. */
public final class NativeMath implements ExactMath {
    /** Tokens of the delta rule that take a millisecond at most. */
    private static final int TOKENS_A_CALL = 64;

    private final Form form;
    private float[] exponentials = new float[256];

    /** One instruction set's functions. */
    public record Form(
            String name,
            MethodHandle quantizeRow,
            MethodHandle quantize12,
            MethodHandle quantize16,
            MethodHandle addWeighted,
            MethodHandle rmsNorm,
            MethodHandle dequantize,
            MethodHandle add,
            MethodHandle siluMul,
            MethodHandle geluMul,
            MethodHandle clampedSwiglu,
            MethodHandle scale,
            MethodHandle softcap,
            MethodHandle rope,
            MethodHandle attentionWeights,
            MethodHandle attentionOutput,
            MethodHandle gate,
            MethodHandle addProducts,
            MethodHandle sigmoidMul,
            MethodHandle multiplyAdd,
            MethodHandle deltaRule) {
        private static Form of(String name) {
            FunctionDescriptor quantize =
                    FunctionDescriptor.of(JAVA_FLOAT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
            FunctionDescriptor gated =
                    FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
            FunctionDescriptor inPlace = FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_INT, JAVA_FLOAT);
            return new Form(
                    name,
                    NativeLibrary.function("pl_quantize_row_" + name, quantize),
                    NativeLibrary.function("pl_quantize_12_" + name, quantize),
                    NativeLibrary.function(
                            "pl_quantize_16_" + name,
                            FunctionDescriptor.of(
                                    JAVA_FLOAT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_add_weighted_" + name,
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_FLOAT, ADDRESS, JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function(
                            "pl_rms_norm_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_dequantize_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, JAVA_INT, JAVA_FLOAT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_add_" + name,
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function("pl_silu_mul_" + name, gated),
                    NativeLibrary.function("pl_gelu_mul_" + name, gated),
                    NativeLibrary.function(
                            "pl_clamped_swiglu_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function("pl_scale_" + name, inPlace),
                    NativeLibrary.function("pl_softcap_" + name, inPlace),
                    NativeLibrary.function(
                            "pl_rope_" + name,
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_attention_weights_" + name,
                            FunctionDescriptor.of(
                                    JAVA_FLOAT,
                                    ADDRESS,
                                    JAVA_LONG,
                                    JAVA_INT,
                                    JAVA_FLOAT,
                                    JAVA_FLOAT,
                                    JAVA_FLOAT,
                                    ADDRESS,
                                    JAVA_LONG,
                                    ADDRESS,
                                    JAVA_LONG,
                                    ADDRESS,
                                    JAVA_LONG,
                                    ADDRESS)),
                    NativeLibrary.function(
                            "pl_attention_output_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_gate_" + name,
                            FunctionDescriptor.of(
                                    JAVA_FLOAT,
                                    ADDRESS,
                                    JAVA_LONG,
                                    JAVA_INT,
                                    JAVA_FLOAT,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS,
                                    JAVA_LONG)),
                    NativeLibrary.function(
                            "pl_add_products_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_FLOAT, ADDRESS)),
                    NativeLibrary.function(
                            "pl_sigmoid_mul_" + name,
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function(
                            "pl_multiply_add_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT)),
                    NativeLibrary.function(
                            "pl_delta_rule_" + name,
                            FunctionDescriptor.ofVoid(
                                    ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS,
                                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG,
                                    ADDRESS, JAVA_LONG, JAVA_LONG)));
        }
    }

    /** Found once, when first asked. */
    private static final class Holder {
        private static final List<Form> FORMS = NativeLibrary.available(NativeLibrary.VECTORS).stream()
                .map(Form::of)
                .toList();
    }

    public NativeMath(Form form) {
        this.form = form;
    }

    /** Forms that this host runs, best first; none where the library was not built. */
    public static List<Form> forms() {
        return Holder.FORMS;
    }

    private static MemorySegment of(float[] values) {
        return MemorySegment.ofArray(values);
    }

    private static float checked(float scale) {
        if (Float.isNaN(scale)) {
            ScalarMath.checkFinite(scale);
        }
        return scale;
    }

    @Override
    public float quantizeRow(float[] x, int xOffset, int n, byte[] q, int qOffset) {
        check(xOffset, n, x.length);
        check(qOffset, n, q.length);
        try {
            return checked((float)
                    form.quantizeRow().invokeExact(of(x), (long) xOffset, n, MemorySegment.ofArray(q), (long) qOffset));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public float quantize12(float[] x, int xOffset, int n, short[] q, int qOffset) {
        check(xOffset, n, x.length);
        check(qOffset, n, q.length);
        try {
            return checked((float)
                    form.quantize12().invokeExact(of(x), (long) xOffset, n, MemorySegment.ofArray(q), (long) qOffset));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public float quantize16(float[] x, int xOffset, int n, byte[] high, int highOffset, byte[] low, int lowOffset) {
        check(xOffset, n, x.length);
        check(highOffset, n, high.length);
        check(lowOffset, n, low.length);
        try {
            return checked((float) form.quantize16()
                    .invokeExact(
                            of(x),
                            (long) xOffset,
                            n,
                            MemorySegment.ofArray(high),
                            (long) highOffset,
                            MemorySegment.ofArray(low),
                            (long) lowOffset));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void addWeighted(float[] h, int hOffset, float weight, float[] y, int yOffset, int n) {
        check(hOffset, n, h.length);
        check(yOffset, n, y.length);
        try {
            form.addWeighted().invokeExact(of(h), (long) hOffset, weight, of(y), (long) yOffset, n);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset) {
        check(xOffset, n, x.length);
        check(0, n, gain.length);
        check(yOffset, n, y.length);
        try {
            form.rmsNorm().invokeExact(of(x), (long) xOffset, of(gain), n, eps, of(y), (long) yOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void dequantize(
            int[] acc, int aOffset, int n, float s, float[] rowScale, float[] bias, float[] y, int yOffset) {
        check(aOffset, n, acc.length);
        check(0, n, rowScale.length);
        check(yOffset, n, y.length);
        check(0, bias == null ? 0 : n, bias == null ? 0 : bias.length);
        MemorySegment biasMemory = bias == null ? MemorySegment.NULL : of(bias);
        try {
            form.dequantize()
                    .invokeExact(
                            MemorySegment.ofArray(acc), (long) aOffset, n, s, of(rowScale), biasMemory, of(y), (long)
                                    yOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void add(float[] h, int hOffset, float[] y, int yOffset, int n) {
        check(hOffset, n, h.length);
        check(yOffset, n, y.length);
        try {
            form.add().invokeExact(of(h), (long) hOffset, of(y), (long) yOffset, n);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void siluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        check(gOffset, n, gate.length);
        check(uOffset, n, up.length);
        check(oOffset, n, out.length);
        try {
            form.siluMul().invokeExact(of(gate), (long) gOffset, of(up), (long) uOffset, n, of(out), (long) oOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void geluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        check(gOffset, n, gate.length);
        check(uOffset, n, up.length);
        check(oOffset, n, out.length);
        try {
            form.geluMul().invokeExact(of(gate), (long) gOffset, of(up), (long) uOffset, n, of(out), (long) oOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void clampedSwiglu(
            float[] gate, int gOffset, float[] up, int uOffset, int n, float limit, float[] out, int oOffset) {
        check(gOffset, n, gate.length);
        check(uOffset, n, up.length);
        check(oOffset, n, out.length);
        try {
            form.clampedSwiglu()
                    .invokeExact(of(gate), (long) gOffset, of(up), (long) uOffset, n, limit, of(out), (long) oOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void scale(float[] x, int offset, int n, float factor) {
        check(offset, n, x.length);
        try {
            form.scale().invokeExact(of(x), (long) offset, n, factor);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void softcap(float[] x, int offset, int n, float cap) {
        check(offset, n, x.length);
        try {
            form.softcap().invokeExact(of(x), (long) offset, n, cap);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
        check(xOffset, size, x.length);
        check(tOffset, size / 2, cos.length);
        check(tOffset, size / 2, sin.length);
        try {
            form.rope().invokeExact(of(x), (long) xOffset, size, of(cos), of(sin), (long) tOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public float attentionWeights(
            int[] s,
            int sOffset,
            int n,
            float c,
            float cap,
            float sink,
            float[] sk,
            int kOffset,
            float[] sv,
            int vOffset,
            short[] u,
            int uOffset) {
        if (exponentials.length < n) {
            exponentials = new float[Math.max(n, 2 * exponentials.length)];
        }
        check(sOffset, n, s.length);
        check(kOffset, n, sk.length);
        check(vOffset, n, sv.length);
        check(uOffset, n, u.length);
        try {
            return checked((float) form.attentionWeights()
                    .invokeExact(
                            MemorySegment.ofArray(s),
                            (long) sOffset,
                            n,
                            c,
                            cap,
                            sink,
                            of(sk),
                            (long) kOffset,
                            of(sv),
                            (long) vOffset,
                            MemorySegment.ofArray(u),
                            (long) uOffset,
                            of(exponentials)));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void attentionOutput(int[] high, int[] low, int offset, int n, float factor, float[] out, int oOffset) {
        check(offset, n, high.length);
        check(offset, n, low.length);
        check(oOffset, n, out.length);
        try {
            form.attentionOutput()
                    .invokeExact(
                            MemorySegment.ofArray(high),
                            MemorySegment.ofArray(low),
                            (long) offset,
                            n,
                            factor,
                            of(out),
                            (long) oOffset);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void sigmoidMul(float[] x, int xOffset, float[] gate, int gOffset, int n) {
        check(xOffset, n, x.length);
        check(gOffset, n, gate.length);
        try {
            form.sigmoidMul().invokeExact(of(x), (long) xOffset, of(gate), (long) gOffset, n);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void multiplyAdd(float[] sum, int sOffset, float[] x, int xOffset, float[] w, int wOffset, int n) {
        check(sOffset, n, sum.length);
        check(xOffset, n, x.length);
        check(wOffset, n, w.length);
        try {
            form.multiplyAdd().invokeExact(of(sum), (long) sOffset, of(x), (long) xOffset, of(w), (long) wOffset, n);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** The bounds were checked when the run was set. No safepoint comes while C runs, so long runs are cut. */
    @Override
    public void deltaRule(DeltaRun run) {
        for (int t = 0; t < run.tokens; t += TOKENS_A_CALL) {
            deltaRule(run, t, Math.min(TOKENS_A_CALL, run.tokens - t));
        }
    }

    private void deltaRule(DeltaRun run, int t, int tokens) {
        long x = (long) t * run.xStride;
        MemorySegment from = t == 0 ? run.from : run.to;
        long fromOffset = t == 0 ? run.fromOffset : run.toOffset;
        try {
            form.deltaRule()
                    .invokeExact(
                            from,
                            fromOffset,
                            run.to,
                            run.toOffset,
                            run.keyDim,
                            run.valueDim,
                            tokens,
                            of(run.x),
                            run.query + x,
                            run.key + x,
                            run.value + x,
                            (long) run.xStride,
                            of(run.decays),
                            of(run.rates),
                            run.gate + (long) t * run.gStride,
                            (long) run.gStride,
                            of(run.out),
                            run.o + (long) t * run.oStride,
                            (long) run.oStride);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private static RuntimeException rethrown(Throwable e) {
        if (e instanceof RuntimeException known) {
            return known;
        }
        throw new AssertionError(e);
    }

    /** C checks no bounds. */
    private static void check(int offset, int n, int length) {
        Objects.checkFromIndexSize(offset, n, length);
    }

    @Override
    public float gate(
            int[] acc,
            int aOffset,
            int n,
            float s,
            float[] rowScale,
            float[] wide,
            float[] row,
            byte[] q,
            int qOffset) {
        check(aOffset, 2 * n, acc.length);
        check(0, 2 * n, rowScale.length);
        check(0, n, row.length);
        check(qOffset, n, q.length);
        try {
            return checked((float) form.gate()
                    .invokeExact(
                            MemorySegment.ofArray(acc),
                            (long) aOffset,
                            n,
                            s,
                            of(rowScale),
                            of(row),
                            MemorySegment.ofArray(q),
                            (long) qOffset));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    @Override
    public void addProducts(
            float[] h, int hOffset, int[] acc, int aOffset, int n, float s, float[] rowScale, float[] row) {
        check(hOffset, n, h.length);
        check(aOffset, n, acc.length);
        check(0, n, rowScale.length);
        try {
            form.addProducts()
                    .invokeExact(of(h), (long) hOffset, MemorySegment.ofArray(acc), (long) aOffset, n, s, of(rowScale));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }
}
