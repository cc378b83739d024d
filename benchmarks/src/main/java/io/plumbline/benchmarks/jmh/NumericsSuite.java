package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.numerics.DeltaRun;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.numerics.ScalarMath;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Steps between a layer's products: IEEE operations in an order that is fixed. The baseline of {@code exp} is the
 * JDK's, which may differ in its last bit between hosts.
 */
public class NumericsSuite extends Suite {
    private static final int HEAD = 128;
    private static final int TOKENS = 1024;

    /** Tokens of a run through linear attention: those between two states that a trace commits to. */
    private static final int RUN = 128;

    private static final float EPSILON = 1e-5f;
    private static final float FACTOR = 1e-4f;

    /** See {@link Forms#backend}. */
    @Param({"scalar", "vector", "best"})
    private String form;

    /** Elements of a row. */
    @Param("4096")
    private int width;

    private ExactMath math;
    private RopeTable table;
    private float[] row;
    private float[] gain;
    private float[] other;
    private float[] out;
    private byte[] quantized;
    private final int[] scores = new int[TOKENS];
    private final float[] scales = new float[TOKENS];
    private final short[] shares = new short[TOKENS];
    private final float[] heads = floats(3 * HEAD * RUN, 5);
    private final float[] gates = new float[RUN];
    private final float[] outputs = new float[HEAD * RUN];
    private final MemorySegment state = MemorySegment.ofArray(new float[HEAD * HEAD]);
    private final DeltaRun run = new DeltaRun(HEAD, HEAD, 3 * HEAD, 1, HEAD)
            .between(state, 0, state, 0)
            .of(heads, 0, HEAD, 2 * HEAD)
            .by(gates, gates, 0);

    /** Random rows. */
    @Setup
    public void prepare() {
        math = Forms.backend(form).math().get();
        table = RopeTable.of(1, HEAD, Rope.plain(10_000));
        row = floats(width, 1);
        gain = floats(width, 2);
        other = floats(width, 3);
        out = new float[width];
        quantized = new byte[width];
        byte[] some = bytes(TOKENS, 4);
        for (int i = 0; i < TOKENS; i++) {
            scores[i] = some[i] << 12;
        }
        Arrays.fill(scales, 0.01f);
        Arrays.fill(gates, 0.5f);
        for (int i = 0; i < heads.length; i++) {
            // Of about unit length, as they come from their norms: the state stays of one size.
            heads[i] *= (float) (1 / Math.sqrt(HEAD));
        }
    }

    @Benchmark
    public byte[] quantize() {
        math.quantizeRow(row, 0, width, quantized, 0);
        return quantized;
    }

    @Benchmark
    public float[] norm() {
        math.rmsNorm(row, 0, gain, width, EPSILON, out, 0);
        return out;
    }

    /** One head; the rotation is undone by none, and keeps lengths. */
    @Benchmark
    public float[] rope() {
        math.rope(other, 0, HEAD, table.cos(), table.sin(), 0);
        return other;
    }

    @Benchmark
    public float[] siluMul() {
        math.siluMul(row, 0, gain, 0, width, out, 0);
        return out;
    }

    /** One head over 1,024 tokens. */
    @Benchmark
    public short[] softmax() {
        math.attentionWeights(scores, 0, TOKENS, FACTOR, scales, 0, scales, 0, shares, 0);
        return shares;
    }

    /** One head's matrix of 128 by 128, one token. */
    @Benchmark
    public float[] delta() {
        math.deltaRule(run.into(outputs, 0, 1));
        return outputs;
    }

    /** The same head, 128 tokens. */
    @Benchmark
    public float[] deltaOfARun() {
        math.deltaRule(run.into(outputs, 0, RUN));
        return outputs;
    }

    @Benchmark
    public float exp() {
        return ScalarMath.exp(row[7]);
    }

    @Benchmark
    public float expOfTheJdk() {
        return (float) Math.exp(row[7]);
    }
}
