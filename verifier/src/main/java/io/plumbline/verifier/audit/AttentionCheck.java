package io.plumbline.verifier.audit;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;

/**
 * Attention of a cell's tokens in order. With r drawn after the opening arrived, {@code sum_j r_j K_j} grows by one
 * row a token (and loses the one that leaves a local layer's window) and {@code V_j . r'} is computed once per j, so a
 * head costs t multiply-adds where recomputing costs t * D.
 */
class AttentionCheck implements AutoCloseable {
    static final int ROUNDS = MatrixKey.ROUNDS;
    private static final int MAX_12 = 2047;

    final ModelConfig config;
    final int layer;
    final int size;
    final int kvHeads;

    /** Elements of all query heads. */
    final int queryDim;

    /** Keys that there is room for. */
    final int capacity;

    /** Secrets of keys [round][capacity]. */
    final int[] r;

    /** Secrets of channels [round][size]. */
    final int[] rValue;

    /** [round][kvHead][size]. */
    final long[] keySum;

    private final LayerSteps steps;
    private final RingMath ring;

    /** [round][kvHead][capacity]. */
    private final long[] valueDot;

    private final int[] scores;
    private final int[] high;
    private final int[] low;
    private final short[] u;
    /** Keys whose rows and values were taken. */
    int summed;

    /** Keys that have left the window: the first whose row is still in {@link #keySum}. */
    private int left;

    AttentionCheck(ModelConfig config, int layer, LayerSteps steps, RingMath ring, SecretInts secrets, int tokens) {
        this.config = config;
        this.layer = layer;
        this.steps = steps;
        this.ring = ring;
        this.size = config.headDim(layer);
        this.kvHeads = config.kvHeads(layer);
        this.queryDim = config.queryDim(layer);
        this.capacity = capacity(tokens);
        this.r = secrets.next(ROUNDS * capacity);
        this.rValue = secrets.next(ROUNDS * size);
        this.keySum = new long[ROUNDS * kvHeads * size];
        this.valueDot = new long[ROUNDS * kvHeads * capacity];
        this.scores = new int[tokens];
        this.high = new int[queryDim];
        this.low = new int[queryDim];
        this.u = new short[tokens];
    }

    /**
     * Room for {@code tokens} keys and what a vector reads beyond them: whole vectors, and an odd number of them, so
     * that rows do not all fall into the same few sets of the first cache.
     */
    static int capacity(int tokens) {
        return ((tokens + 31) / 32 | 1) * 32;
    }

    /** Bytes that either way of checking takes for so many keys. */
    static long memoryBytes(ModelConfig config, int keys) {
        int valueDot = Long.BYTES;
        int digits = NativeAttentionCheck.DIGITS * Short.BYTES;
        int scales = 2 * Float.BYTES;
        long aKey = (long) config.mostKvHeads() * (ROUNDS * (valueDot + digits) + scales)
                + 2L * ROUNDS * Integer.BYTES
                + 16;
        return capacity(keys) * aKey;
    }

    /** The fastest for this host, of a layer with attention. */
    static AttentionCheck of(
            ModelConfig config, int layer, LayerSteps steps, RingMath ring, SecretInts secrets, int tokens) {
        return NativeAttentionCheck.isFor(config, layer)
                ? new NativeAttentionCheck(config, layer, steps, ring, secrets, tokens)
                : new AttentionCheck(config, layer, steps, ring, secrets, tokens);
    }

    @Override
    public void close() {}

    /** The first row from {@code from} to {@code to} that holds a key beyond 12 bits or a value of -128, or -1. */
    static int firstBadRow(Opened o, int width, int from, int to) {
        return NativeAttentionCheck.isThere()
                ? NativeAttentionCheck.firstBadRowInC(o, width, from, to)
                : firstBadRowInJava(o, width, from, to);
    }

    static int firstBadRowInJava(Opened o, int width, int from, int to) {
        for (int i = from * width; i < to * width; i++) {
            // Beyond 12 bits a score need not fit int32, and the bound behind Freivalds' check would not hold.
            if (o.v[i] == Byte.MIN_VALUE || o.k[i] > MAX_12 || o.k[i] < -MAX_12) {
                return i / width;
            }
        }
        return -1;
    }

    /** Takes the keys and values at places {@code from} to {@code to} of the opened. */
    void extend(Opened o, int from, int to) {
        for (int t = from; t < to; t++) {
            for (int round = 0; round < ROUNDS; round++) {
                for (int g = 0; g < kvHeads; g++) {
                    int at = (t * kvHeads + g) * size;
                    int head = round * kvHeads + g;
                    ring.accumulate(o.k, at, size, r[round * capacity + t], keySum, head * size);
                    valueDot[head * capacity + t] = ring.dot(o.v, at, rValue, round * size, size);
                }
            }
        }
    }

    /** Takes the keys up to place {@code to} out of the sums: no later token attends to them. */
    private void retract(Opened o, int to) {
        for (; left < to; left++) {
            for (int round = 0; round < ROUNDS; round++) {
                long secret = r[round * capacity + left];
                int width = kvHeads * size;
                for (int i = 0; i < width; i++) {
                    keySum[round * width + i] -= secret * o.k[left * width + i];
                }
            }
        }
    }

    /**
     * Checks all heads of token {@code t}, later than any before.
     *
     * @param parts of the token's piece, which begins at {@code o.at}.
     * @param joined receives queryDim outputs.
     * @throws ArithmeticException when a number overflows.
     */
    final void check(Opened o, int t, OpeningLayout.Token parts, short[] q, float[] sq, float[] joined)
            throws FailedException {
        int end = t + 1 - o.firstKey;
        extend(o, summed, end);
        summed = end;
        int first = end - config.keys(layer, t);
        retract(o, first);
        heads(o, t, first, o.at + parts.scores(), o.at + parts.high(), o.at + parts.low(), q, sq, joined);
    }

    static FailedException falseScores(Opened o, int t, int h) {
        return o.fail(Step.SCORES, t, "the scores of head " + h + " are not query times keys");
    }

    static FailedException falseSums(Opened o, int t, int h) {
        return o.fail(Step.VALUES, t, "the sums of head " + h + " are not weights times values");
    }

    /** @param first place of the first key that token {@code t} attends to; it attends to all that follow. */
    void heads(
            Opened o, int t, int first, long scoresAt, long highAt, long lowAt, short[] q, float[] sq, float[] joined)
            throws FailedException {
        int n = summed - first;
        o.ints(highAt, queryDim, high, 0);
        o.ints(lowAt, queryDim, low, 0);
        int shared = config.heads() / kvHeads;
        for (int h = 0; h < config.heads(); h++) {
            int g = h / shared;
            o.ints(scoresAt + 4L * h * n, n, scores, 0);
            for (int round = 0; round < ROUNDS; round++) {
                int sum = (round * kvHeads + g) * size;
                if (ring.dot(q, h * size, keySum, sum, size) != ring.dot(scores, 0, r, round * capacity + first, n)) {
                    throw falseScores(o, t, h);
                }
            }
            int scales = g * o.capacity + first;
            float sink = o.parameters.sink(h);
            float factor = steps.attentionWeights(layer, scores, 0, n, sq[h], sink, o.sk, scales, o.sv, scales, u, 0);
            for (int round = 0; round < ROUNDS; round++) {
                int dots = (round * kvHeads + g) * capacity + first;
                if (ring.dotHigh(u, 0, valueDot, dots, n) != ring.dot(high, h * size, rValue, round * size, size)
                        || ring.dotLow(u, 0, valueDot, dots, n)
                                != ring.dot(low, h * size, rValue, round * size, size)) {
                    throw falseSums(o, t, h);
                }
            }
            steps.attentionOutput(layer, high, low, h * size, factor, joined, h * size);
        }
    }
}
