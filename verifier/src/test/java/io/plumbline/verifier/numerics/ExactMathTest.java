package io.plumbline.verifier.numerics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every implementation against the specification, bit for bit, on odd sizes and extreme values. */
@Tag("vectors")
@ParameterizedClass
@MethodSource("implementations")
class ExactMathTest {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ExactMath scalar = new ScalarMath();

    @Parameter
    ExactMath vector;

    static Stream<ExactMath> implementations() {
        return Stream.concat(
                Stream.of(new VectorMath()), NativeMath.forms().stream().map(NativeMath::new));
    }

    private static float[] row(Random random, int n) {
        float[] x = new float[n];
        int kind = random.nextInt(5);
        for (int i = 0; i < n; i++) {
            float g = (float) random.nextGaussian();
            x[i] = switch (kind) {
                case 0 -> g;
                case 1 -> g * (random.nextInt(50) == 0 ? 1000f : 1f);
                case 2 -> g * 0x1p-126f;
                case 3 -> g * 0x1p+60f;
                default -> random.nextInt(3) == 0 ? 0f : Math.copySign(random.nextInt(4) * 0.5f, g);
            };
        }
        return x;
    }

    private static int[] bits(float[] x) {
        int[] bits = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            bits[i] = Float.floatToRawIntBits(x[i]);
        }
        return bits;
    }

    /** Runs the same operation on both, into fresh rows of floats, and compares bits. */
    private void same(int n, BiConsumer<ExactMath, float[]> operation) {
        float[] a = new float[n];
        float[] b = new float[n];
        operation.accept(scalar, a);
        operation.accept(vector, b);
        assertArrayEquals(bits(a), bits(b));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 15, 16, 17, 31, 64, 100, 255, 256, 257, 511, 512, 1000, 4099})
    void everyOperationAgreesWithTheSpecification(int n) {
        for (int seed = 0; seed < 16; seed++) {
            Random random = new Random(seed * 7919L + n);
            float[] x = row(random, n);
            float[] g = row(random, n);
            float s = random.nextFloat() * 0.01f;
            byte[] q1 = new byte[n];
            byte[] q2 = new byte[n];
            assertEquals(scalar.quantizeRow(x, 0, n, q1, 0), vector.quantizeRow(x, 0, n, q2, 0));
            assertArrayEquals(q1, q2);
            short[] w1 = new short[n];
            short[] w2 = new short[n];
            assertEquals(scalar.quantize12(x, 0, n, w1, 0), vector.quantize12(x, 0, n, w2, 0));
            assertArrayEquals(w1, w2);
            byte[] high = new byte[n + 1];
            byte[] low = new byte[n];
            byte[] otherHigh = new byte[n + 1];
            byte[] otherLow = new byte[n];
            assertEquals(
                    scalar.quantize16(x, 0, n, high, 1, low, 0), vector.quantize16(x, 0, n, otherHigh, 1, otherLow, 0));
            assertArrayEquals(high, otherHigh);
            for (int i = 0; i < n; i++) {
                assertTrue(high[i + 1] > -128 && low[i] > -128, "a digit of -128, which kernels do not take");
            }
            assertArrayEquals(low, otherLow);
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.addWeighted(y, 0, s, g, 0, n);
            });
            same(n, (math, y) -> math.rmsNorm(x, 0, g, n, 1e-5f, y, 0));
            same(n, (math, y) -> math.siluMul(x, 0, g, 0, n, y, 0));
            same(n, (math, y) -> math.geluMul(x, 0, g, 0, n, y, 0));
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.sigmoidMul(y, 0, g, 0, n);
            });
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.multiplyAdd(y, 0, g, 0, x, 0, n);
            });
            same(n, (math, y) -> math.clampedSwiglu(x, 0, g, 0, n, 1 + s, y, 0));
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.scale(y, 0, n, 1 + s);
            });
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.softcap(y, 0, n, 30 + s);
            });
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.add(y, 0, g, 0, n);
            });
            int[] acc = random.ints(n).toArray();
            same(n, (math, y) -> math.dequantize(acc, 0, n, s, g, x, y, 0));
            same(n, (math, y) -> math.dequantize(acc, 0, n, s, g, null, y, 0));
            same(n, (math, y) -> {
                System.arraycopy(x, 0, y, 0, n);
                math.addProducts(y, 0, acc, 0, n, s, g, new float[n]);
            });
            int[] both = random.ints(2 * n + 1, -1_000_000, 1_000_000).toArray();
            float[] scales = new float[2 * n];
            for (int i = 0; i < scales.length; i++) {
                scales[i] = (float) random.nextGaussian();
            }
            same(n, (math, y) -> {
                byte[] gated = new byte[n];
                y[0] = math.gate(both, 1, n, 1e-5f, scales, new float[2 * n], new float[n], gated, 0);
                for (int i = 1; i < n; i++) {
                    y[i] = gated[i] + 256f * gated[i - 1];
                }
            });
            if (n % 2 == 0) {
                same(n, (math, y) -> {
                    System.arraycopy(x, 0, y, 0, n);
                    math.rope(y, 0, n, g, x, 0);
                });
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 8, 15, 16, 33, 63, 64, 100, 128, 200, 256})
    void theDeltaRuleAgreesWithTheSpecification(int valueDim) {
        for (int keyDim : new int[] {1, 7, 64}) {
            Random random = new Random(31L * keyDim + valueDim);
            int pad = random.nextInt(5);
            int floats = keyDim * valueDim;
            MemorySegment one = MemorySegment.ofArray(new byte[4 * (pad + floats)]);
            MemorySegment other = Arena.ofAuto().allocate(4L * (pad + floats));
            float[] first = row(random, floats);
            MemorySegment.copy(first, 0, one, FLOAT, 4L * pad, floats);
            MemorySegment.copy(first, 0, other, FLOAT, 4L * pad, floats);
            MemorySegment next = Arena.ofAuto().allocate(4L * floats);
            int k = keyDim + 1;
            int v = 2 * keyDim + 2;
            int xStride = v + valueDim + 1;
            for (int tokens : new int[] {1, 3}) {
                float[] x = new float[tokens * xStride];
                for (int i = 0; i < x.length; i++) {
                    x[i] = (float) random.nextGaussian() / (i % xStride < v ? (float) Math.sqrt(keyDim) : 1);
                }
                // Each token's numbers stand among others.
                DeltaRun run = new DeltaRun(keyDim, valueDim, xStride, 2, valueDim + 3);
                float[] decays = new float[2 * tokens + 1];
                float[] rates = new float[2 * tokens + 1];
                for (int i = 0; i < decays.length; i++) {
                    decays[i] = random.nextFloat();
                    rates[i] = random.nextFloat();
                }
                float[] a = new float[tokens * (valueDim + 3)];
                float[] b = new float[a.length];
                run.of(x, 0, k, v).by(decays, rates, 1);
                scalar.deltaRule(run.between(one, 4L * pad, one, 4L * pad).into(a, 1, tokens));
                // From one state to another, and in place.
                vector.deltaRule(run.between(other, 4L * pad, next, 0).into(b, 1, tokens));
                assertArrayEquals(bits(a), bits(b));
                Arrays.fill(b, 0);
                vector.deltaRule(run.between(other, 4L * pad, other, 4L * pad).into(b, 1, tokens));
                assertArrayEquals(bits(a), bits(b));
                assertEquals(-1, one.asSlice(4L * pad).mismatch(next), "the state after it");
                assertEquals(-1, one.mismatch(other), "the state after it, in place");
            }
        }
    }

    /** A run is what its tokens are one by one, wherever it is cut. */
    @Test
    void aRunOfTokensIsItsTokensOneByOne() {
        Random random = new Random(5);
        int tokens = 70;
        int keyDim = 4;
        int valueDim = 35;
        int xStride = 2 * keyDim + valueDim;
        float[] x = row(random, tokens * xStride);
        float[] decays = new float[tokens];
        float[] rates = new float[tokens];
        for (int t = 0; t < tokens; t++) {
            decays[t] = random.nextFloat();
            rates[t] = random.nextFloat();
            for (int i = 0; i < xStride; i++) {
                x[t * xStride + i] = (float) random.nextGaussian() / 6;
            }
        }
        DeltaRun run = new DeltaRun(keyDim, valueDim, xStride, 1, valueDim);
        MemorySegment whole = Arena.ofAuto().allocate(4L * keyDim * valueDim);
        MemorySegment cut = Arena.ofAuto().allocate(4L * keyDim * valueDim);
        float[] a = new float[tokens * valueDim];
        float[] b = new float[tokens * valueDim];
        run.between(whole, 0, whole, 0).of(x, 0, keyDim, 2 * keyDim).by(decays, rates, 0);
        scalar.deltaRule(run.into(a, 0, tokens));
        run.between(cut, 0, cut, 0);
        for (int t = 0; t < tokens; ) {
            int count = Math.min(1 + random.nextInt(9), tokens - t);
            int at = t * xStride;
            run.of(x, at, at + keyDim, at + 2 * keyDim).by(decays, rates, t);
            vector.deltaRule(run.into(b, t * valueDim, count));
            t += count;
        }
        assertArrayEquals(bits(a), bits(b));
        assertEquals(-1, whole.mismatch(cut));
        cut.fill((byte) 0);
        run.of(x, 0, keyDim, 2 * keyDim).by(decays, rates, 0);
        vector.deltaRule(run.into(b, 0, tokens));
        assertArrayEquals(bits(a), bits(b));
        assertEquals(-1, whole.mismatch(cut), "a run that is cut within");
    }

    /** C would read and write what is not its own. */
    @Test
    void aRunThatReachesBeyondWhatItIsGivenIsRefused() {
        MemorySegment state = MemorySegment.ofArray(new byte[4 * 6]);
        DeltaRun run = new DeltaRun(2, 3, 7, 1, 3);
        float[] two = new float[2];
        float[] rows = new float[14];
        run.between(state, 0, state, 0).of(rows, 0, 2, 4).by(two, two, 0);
        run.into(new float[6], 0, 2);
        assertThrows(IndexOutOfBoundsException.class, () -> run.into(new float[6], 0, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> run.into(new float[6], 1, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> run.into(new float[6], -1, 1));
        assertThrows(
                IndexOutOfBoundsException.class, () -> run.of(rows, 0, 2, 5).into(new float[6], 0, 2));
        run.of(rows, 0, 2, 4);
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> run.by(two, new float[1], 0).into(new float[6], 0, 2));
        run.by(two, two, 0);
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> run.between(state, 0, state, 1).into(new float[6], 0, 2));
    }

    @Test
    void theDeltaRuleIsThatOfItsDefinition() {
        Random random = new Random(3);
        int keyDim = 16;
        int valueDim = 24;
        double[] s = new double[keyDim * valueDim];
        MemorySegment state = MemorySegment.ofArray(new byte[4 * s.length]);
        float[] out = new float[valueDim];
        for (int token = 0; token < 50; token++) {
            float[] x = new float[2 * keyDim + valueDim];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) random.nextGaussian() / 4;
            }
            float decay = random.nextFloat();
            float rate = random.nextFloat();
            vector.deltaRule(new DeltaRun(keyDim, valueDim, x.length, 1, valueDim)
                    .between(state, 0, state, 0)
                    .of(x, 0, keyDim, 2 * keyDim)
                    .by(new float[] {decay}, new float[] {rate}, 0)
                    .into(out, 0, 1));
            for (int v = 0; v < valueDim; v++) {
                double known = 0;
                for (int k = 0; k < keyDim; k++) {
                    known += s[k * valueDim + v] * decay * x[keyDim + k];
                }
                double expected = 0;
                for (int k = 0; k < keyDim; k++) {
                    int at = k * valueDim + v;
                    s[at] = s[at] * decay + x[keyDim + k] * (x[2 * keyDim + v] - known) * rate;
                    expected += s[at] * x[k];
                }
                assertEquals(expected, out[v], 1e-6 * (1 + Math.abs(expected)));
            }
        }
    }

    @Test
    void sigmoidAndSoftplusAreNearTheirValues() {
        for (double x = -120; x < 120; x += 0.0137) {
            float at = (float) x;
            double sigmoid = 1 / (1 + Math.exp(-at));
            assertEquals(sigmoid, ScalarMath.sigmoid(at), 3e-7 * sigmoid + 1e-37, "sigmoid of " + at);
            double expected = Math.max(at, 0) + Math.log1p(Math.exp(-Math.abs(at)));
            // Below -87 the exponential is 0.
            assertEquals(expected, ScalarMath.softplus(at), 3e-7 * expected + 1e-37, "softplus of " + at);
        }
        assertTrue(Float.isNaN(ScalarMath.softplus(Float.NaN)));
        assertEquals(Float.POSITIVE_INFINITY, ScalarMath.softplus(Float.POSITIVE_INFINITY));
        assertEquals(0, ScalarMath.softplus(Float.NEGATIVE_INFINITY));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 33, 250, 1024, 3001})
    void attentionWeightsAgreeWithTheSpecification(int n) {
        for (int seed = 0; seed < 30; seed++) {
            Random random = new Random(seed * 31L + n);
            int range = 1 << 8 + random.nextInt(20);
            int[] s = random.ints(n, -range, range).toArray();
            float[] sk = new float[n];
            float[] sv = new float[n];
            for (int i = 0; i < n; i++) {
                sk[i] = random.nextFloat() * 1e-3f;
                sv[i] = seed % 10 == 0 ? 0f : random.nextFloat();
            }
            short[] u1 = new short[n];
            short[] u2 = new short[n];
            float cap = seed % 3 == 0 ? 50f : 0;
            float sink = seed % 4 == 0 ? Float.NEGATIVE_INFINITY : (float) random.nextGaussian() * range * 1e-5f;
            float f1 = scalar.attentionWeights(s, 0, n, 1e-2f, cap, sink, sk, 0, sv, 0, u1, 0);
            float f2 = vector.attentionWeights(s, 0, n, 1e-2f, cap, sink, sk, 0, sv, 0, u2, 0);
            assertEquals(Float.floatToRawIntBits(f1), Float.floatToRawIntBits(f2));
            assertArrayEquals(u1, u2);
        }
    }

    @Test
    void aSinkTakesItsShareAndAddsNothing() {
        // Two keys of score 0 beside a sink of ln 2: a quarter of the values each.
        short[] u = new short[2];
        float[] one = {1, 1};
        float sink = (float) Math.log(2);
        for (ExactMath math : List.of(scalar, vector)) {
            float factor = math.attentionWeights(new int[2], 0, 2, 1, 0, sink, one, 0, one, 0, u, 0);
            assertEquals(0.25, u[0] * factor, 1e-4);
            assertEquals(0.25, u[1] * factor, 1e-4);
            for (float wrong : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                assertThrows(
                        ArithmeticException.class,
                        () -> math.attentionWeights(new int[2], 0, 2, 1, 0, wrong, one, 0, one, 0, u, 0));
            }
        }
    }

    @Test
    void clampedGatesAreThoseOfTheirDefinition() {
        Random random = new Random(1);
        for (int i = 0; i < 10_000; i++) {
            float gate = (float) random.nextGaussian() * 6;
            float up = (float) random.nextGaussian() * 6;
            double g = Math.min(gate, 7);
            double u = Math.clamp(up, -7, 7);
            double expected = g / (1 + Math.exp(-1.702 * g)) * (u + 1);
            assertEquals(expected, ScalarMath.clampedSwiglu(gate, up, 7), 1e-6 * (1 + Math.abs(g)) * (1 + Math.abs(u)));
        }
    }

    /** A hostile model's scales may overflow: what is no number stays none in every form, so that all end alike. */
    @Test
    void whatIsNoNumberIsNoneInEveryForm() {
        float[] edges = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE, 1e19f, -1e30f};
        Random random = new Random(3);
        for (int n = 1; n < 70; n++) {
            float[] x = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = i % 3 == 0 ? edges[random.nextInt(edges.length)] : (float) random.nextGaussian();
            }
            sameNumbers(x, (math, y) -> math.geluMul(x, 0, x, 0, x.length, y, 0));
            sameNumbers(x, (math, y) -> math.clampedSwiglu(x, 0, x, 0, x.length, 7, y, 0));
            sameNumbers(x, (math, y) -> math.sigmoidMul(y, 0, x, 0, x.length));
            sameNumbers(x, (math, y) -> math.multiplyAdd(y, 0, x, 0, x, 0, x.length));
            sameNumbers(x, (math, y) -> math.softcap(y, 0, x.length, 30));
            sameNumbers(x, (math, y) -> math.scale(y, 0, x.length, 0));
            sameNumbers(x, (math, y) -> math.addWeighted(y, 0, 0, x, 0, x.length));
            // Scores of 0 by an infinite scale.
            float[] scales = new float[n];
            Arrays.fill(scales, 1e38f);
            for (ExactMath math : List.of(scalar, vector)) {
                assertThrows(ArithmeticException.class, () -> {
                    int[] scores = new int[scales.length];
                    short[] u = new short[scales.length];
                    float none = Float.NEGATIVE_INFINITY;
                    math.attentionWeights(scores, 0, scales.length, 1e38f, 50, none, scales, 0, scales, 0, u, 0);
                });
            }
        }
    }

    /** Of {@code x}, changed in place; all NaNs are one. */
    private void sameNumbers(float[] x, BiConsumer<ExactMath, float[]> operation) {
        float[] a = x.clone();
        float[] b = x.clone();
        operation.accept(scalar, a);
        operation.accept(vector, b);
        for (int i = 0; i < x.length; i++) {
            assertEquals(Float.floatToIntBits(a[i]), Float.floatToIntBits(b[i]), x[i] + " becomes " + b[i]);
        }
    }

    @Test
    void geluAndSoftcapAreTheirTanhFormsAsNearAsFloatsAre() {
        for (float x = -20f; x < 20f; x += 0.00317f) {
            double u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
            double gelu = 0.5 * x * (1 + StrictMath.tanh(u));
            assertEquals(gelu, ScalarMath.gelu(x), 2e-6 * Math.max(1e-3, Math.abs(gelu)), "gelu(" + x + ")");
            float[] capped = {10 * x};
            scalar.softcap(capped, 0, 1, 50f);
            assertEquals(50 * StrictMath.tanh(10 * x / 50), capped[0], 8e-6, "softcap(" + 10 * x + ")");
        }
        float[] edges = {0f, -0f, 1e30f, -1e30f};
        scalar.softcap(edges, 0, 4, 50f);
        assertArrayEquals(new float[] {0f, -0f, 50f, -50f}, edges);
        assertEquals(1e30f, ScalarMath.gelu(1e30f));
        assertEquals(-0f, ScalarMath.gelu(-1e30f));
    }

    @Test
    void expIsWithinTwoUlpsOfTheTruthAndZeroFarBelow() {
        for (float x = 0f; x > -87f; x -= 0.00317f) {
            double truth = StrictMath.exp(x);
            assertTrue(Math.abs(ScalarMath.exp(x) - truth) <= 2 * Math.ulp((float) truth), "exp(" + x + ")");
        }
        assertEquals(1f, ScalarMath.exp(0f));
        assertEquals(0f, ScalarMath.exp(-87.1f));
        assertEquals(0f, ScalarMath.exp(Float.NEGATIVE_INFINITY));
    }

    @Test
    void everyFloatSiluAgreesOnASweepOfBitPatterns() {
        int n = 1 << 16;
        float[] x = new float[n];
        for (int base = 0; base < 16; base++) {
            for (int i = 0; i < n; i++) {
                float f = Float.intBitsToFloat((base * n + i) * 4093);
                x[i] = Float.isFinite(f) ? f : 1f;
            }
            float[] one = new float[n];
            java.util.Arrays.fill(one, 1f);
            same(n, (math, y) -> math.siluMul(x, 0, one, 0, n, y, 0));
        }
    }

    @Test
    void notANumberAndInfinityAreErrorsNotNumbers() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            float[] x = new float[40];
            x[37] = bad;
            Consumer<ExactMath> quantize = math -> math.quantizeRow(x, 0, 40, new byte[40], 0);
            assertThrows(ArithmeticException.class, () -> quantize.accept(scalar));
            assertThrows(ArithmeticException.class, () -> quantize.accept(vector));
        }
    }
}
