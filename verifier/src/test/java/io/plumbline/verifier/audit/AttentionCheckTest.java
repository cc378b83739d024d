package io.plumbline.verifier.audit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.ScalarMath;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Both ways of checking attention accept the same openings, give the same outputs, and name the same lie. */
@Tag("vectors")
class AttentionCheckTest {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private ModelConfig config;
    private LayerSteps steps;
    private Cell cell;
    private LayerCheck.Opened opened;
    private MemorySegment opening;
    private short[][] q;
    private float[][] sq;

    private void open(int heads, int kvHeads, int size, int from, int to, int window, long seed) {
        open(heads, kvHeads, size, from, to, window, false, seed);
    }

    /** An honest opening of tokens {@code from} to {@code to}; a window of 0 is full attention. */
    private void open(int heads, int kvHeads, int size, int from, int to, int window, boolean hasSinks, long seed) {
        Random random = new Random(seed);
        float[] sinks = hasSinks ? new float[heads] : null;
        for (int h = 0; hasSinks && h < heads; h++) {
            sinks[h] = (float) random.nextGaussian() * 10;
        }
        LayerParameters parameters = new LayerParameters(
                null, null, null, null, null, null, null, null, null, null, null, null, null, null, sinks, null, null,
                null, 1);
        Rope rope = Rope.plain(10_000);
        Architecture architecture = window == 0
                ? Architecture.PLAIN
                : new Architecture.Builder().window(window).attention("W").build();
        config = new ModelConfig(32, 1, heads, kvHeads, size, 32, 8, 4096, 1e-6f, rope, false, false, architecture);
        steps = new LayerSteps(config, RotaryTables.of(config, 0, 8), new ScalarMath());
        cell = new Cell(0, from, to);
        int n = to - from;
        opening = MemorySegment.ofArray(new byte[Math.toIntExact(startOf(to))]);
        opened = new LayerCheck.Opened(
                new OpeningLayout(null, cell, null, 0, 0, 0, 0, 0, 0), config, parameters, new LayerCheck.Buffers());
        opened.pieces = opening;
        int keys = to - opened.firstKey;
        for (int i = 0; i < keys * config.kvDim(0); i++) {
            opened.k[i] = (short) (random.nextInt(4095) - 2047);
            opened.v[i] = (byte) (random.nextInt(255) - 127);
        }
        for (int g = 0; g < kvHeads; g++) {
            for (int t = 0; t < keys; t++) {
                opened.sk[g * opened.capacity + t] = random.nextFloat() * 1e-3f;
                opened.sv[g * opened.capacity + t] = t % 5 == 3 ? 0 : random.nextFloat();
            }
        }
        q = new short[n][config.queryDim(0)];
        sq = new float[n][heads];
        for (int t = from; t < to; t++) {
            for (int h = 0; h < heads; h++) {
                sq[t - from][h] = random.nextFloat() * 1e-3f;
                for (int i = 0; i < size; i++) {
                    q[t - from][h * size + i] = (short) (random.nextInt(4095) - 2047);
                }
                head(t, h);
            }
        }
    }

    private void head(int t, int h) {
        int size = config.headDim();
        int g = h / (config.heads() / config.kvHeads());
        int n = config.keys(0, t);
        int first = t + 1 - n - opened.firstKey;
        int[] s = new int[n];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < size; i++) {
                s[j] += q[t - cell.from()][h * size + i] * opened.k[(first + j) * config.kvDim(0) + g * size + i];
            }
            opening.set(INT, startOf(t) + parts(t).scores() + 4L * (h * n + j), s[j]);
        }
        short[] u = new short[n];
        int scales = g * opened.capacity + first;
        float sink = opened.parameters.sink(h);
        steps.attentionWeights(0, s, 0, n, sq[t - cell.from()][h], sink, opened.sk, scales, opened.sv, scales, u, 0);
        for (int i = 0; i < size; i++) {
            int high = 0;
            int low = 0;
            for (int j = 0; j < n; j++) {
                int v = opened.v[(first + j) * config.kvDim(0) + g * size + i];
                high += (u[j] >> 8) * v;
                low += (u[j] & 255) * v;
            }
            opening.set(INT, highAt(t, h * size + i), high);
            opening.set(INT, lowAt(t, h * size + i), low);
        }
    }

    private OpeningLayout.Token parts(int t) {
        return OpeningLayout.Token.of(config, 0, t);
    }

    private long startOf(int token) {
        long at = 0;
        for (int t = cell.from(); t < token; t++) {
            at += parts(t).bytes();
        }
        return at;
    }

    private long highAt(int t, int channel) {
        return startOf(t) + parts(t).high() + 4L * channel;
    }

    private long lowAt(int t, int channel) {
        return startOf(t) + parts(t).low() + 4L * channel;
    }

    private AttentionCheck check(boolean inC) {
        RingMath ring = RingMath.best();
        int keys = cell.to() - opened.firstKey;
        return inC
                ? new NativeAttentionCheck(config, 0, steps, ring, new SecretInts(), keys)
                : new AttentionCheck(config, 0, steps, ring, new SecretInts(), keys);
    }

    /** All outputs, token after token. */
    private float[][] run(boolean inC) throws FailedException {
        float[][] out = new float[cell.tokens()][config.queryDim(0)];
        try (AttentionCheck check = check(inC)) {
            for (int t = cell.from(); t < cell.to(); t++) {
                opened.at = startOf(t);
                check.check(opened, t, parts(t), q[t - cell.from()], sq[t - cell.from()], out[t - cell.from()]);
            }
        }
        return out;
    }

    private void rejected(Step step, int token) {
        for (boolean inC : new boolean[] {false, true}) {
            FailedException e = assertThrows(FailedException.class, () -> run(inC));
            assertEquals(step, e.failure().step());
            assertEquals(token, e.failure().token());
        }
    }

    private void add(long at, int value) {
        opening.set(INT, at, opening.get(INT, at) + value);
    }

    @Test
    void honestOpeningsGiveTheSameOutputsAndLiesTheSameNames() throws FailedException {
        assumeTrue(NativeAttentionCheck.isThere(), "Skipped: this host has no AVX-512 kernels to compare");
        int[][] shapes = {
            {4, 2, 16, 0, 5, 0},
            {2, 1, 64, 30, 35, 0},
            {6, 2, 128, 1022, 1027, 0},
            {3, 3, 40, 95, 97, 0},
            {8, 1, 256, 2046, 2050, 0},
            {4, 1, 512, 300, 303, 0},
            {4, 2, 16, 0, 9, 4},
            {4, 2, 16, 0, 5, 1},
            {2, 1, 64, 30, 99, 33},
            {6, 2, 128, 1022, 1027, 513},
            {3, 3, 40, 70, 97, 95}
        };
        for (int[] p : shapes) {
            open(p[0], p[1], p[2], p[3], p[4], p[5], true, p[2]);
            float[][] withSinks = run(false);
            assertArrayEquals(withSinks, run(true));
            open(p[0], p[1], p[2], p[3], p[4], p[5], p[2]);
            assertArrayEquals(run(false), run(true));
            assertFalse(Arrays.deepEquals(withSinks, run(true)));
            int last = cell.to() - 1;
            long score = startOf(last) + parts(last).scores() + 4L * (config.heads() * config.keys(0, last) - 1);
            add(score, 1);
            rejected(Step.SCORES, last);
            add(score, -1);
            long high = highAt(last, config.queryDim(0) - 1);
            long low = lowAt(last, config.queryDim(0) - 1);
            add(low, 1 << 20);
            rejected(Step.VALUES, last);
            add(low, -(1 << 20));
            // The same sum in other halves is not what was claimed either.
            add(high, 1);
            add(low, -256);
            rejected(Step.VALUES, last);
            add(high, -1);
            add(low, 256);
            assertArrayEquals(run(false), run(true));
        }
    }

    @Test
    void aRowThatNoNodeComputesIsFoundAlikeWhereverItStands() {
        assumeTrue(NativeAttentionCheck.isThere(), "Skipped: this host has no AVX-512 kernels to compare");
        for (int[] shape : new int[][] {{2, 1, 16}, {3, 3, 40}, {4, 2, 64}, {2, 2, 120}}) {
            open(shape[0], shape[1], shape[2], 20, 24, 0, shape[2]);
            int width = config.kvDim(0);
            assertEquals(-1, AttentionCheck.firstBadRowInJava(opened, width, 0, 24));
            assertEquals(-1, NativeAttentionCheck.firstBadRowInC(opened, width, 0, 24));
            for (int at = 5 * width; at < 24 * width; at += 7) {
                short key = opened.k[at];
                opened.k[at] = (short) (at % 2 == 0 ? 2048 : -2048);
                assertEquals(at / width, AttentionCheck.firstBadRowInJava(opened, width, 5, 24));
                assertEquals(at / width, NativeAttentionCheck.firstBadRowInC(opened, width, 5, 24));
                opened.k[at] = key;
                byte value = opened.v[at];
                opened.v[at] = Byte.MIN_VALUE;
                assertEquals(at / width, AttentionCheck.firstBadRowInJava(opened, width, 5, 24));
                assertEquals(at / width, NativeAttentionCheck.firstBadRowInC(opened, width, 5, 24));
                opened.v[at] = value;
            }
        }
    }

    @Test
    void overflowIsAnErrorInBoth() {
        assumeTrue(NativeAttentionCheck.isThere(), "Skipped: this host has no AVX-512 kernels to compare");
        open(2, 1, 16, 3, 4, 0, 1);
        Arrays.fill(opened.sk, Float.MAX_VALUE);
        sq[0][0] = 1e6f;
        assertThrows(ArithmeticException.class, () -> run(false));
        assertThrows(ArithmeticException.class, () -> run(true));
    }
}
