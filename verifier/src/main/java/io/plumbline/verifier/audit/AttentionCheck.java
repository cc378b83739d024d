package io.plumbline.verifier.audit;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;

/**
 * Attention of a cell's tokens in order. With r drawn after the opening arrived, {@code sum_j r_j K_j} grows by one row a token and
 * {@code V_j . r'} is computed once per j, so a head costs t multiply-adds where recomputing costs t * D.
 */
class AttentionCheck implements AutoCloseable {
    static final int ROUNDS = MatrixKey.ROUNDS;

    final ModelConfig config;
    final int size;

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
    private int summed;

    AttentionCheck(ModelConfig config, LayerSteps steps, RingMath ring, SecretInts secrets, int tokens) {
        this.config = config;
        this.steps = steps;
        this.ring = ring;
        this.size = config.headDim();
        this.capacity = capacity(tokens);
        this.r = secrets.next(ROUNDS * capacity);
        this.rValue = secrets.next(ROUNDS * size);
        this.keySum = new long[ROUNDS * config.kvHeads() * size];
        this.valueDot = new long[ROUNDS * config.kvHeads() * capacity];
        this.scores = new int[tokens];
        this.high = new int[config.queryDim()];
        this.low = new int[config.queryDim()];
        this.u = new short[tokens];
    }

    /**
     * Room for {@code tokens} keys and what a vector reads beyond them: whole vectors, and an odd number of them, so that rows do not all
     * fall into the same few sets of the first cache.
     */
    static int capacity(int tokens) {
        return ((tokens + 31) / 32 | 1) * 32;
    }

    /** The fastest for this host. */
    static AttentionCheck of(ModelConfig config, LayerSteps steps, RingMath ring, SecretInts secrets, int tokens) {
        return NativeAttentionCheck.isThere()
                ? new NativeAttentionCheck(config, steps, ring, secrets, tokens)
                : new AttentionCheck(config, steps, ring, secrets, tokens);
    }

    /** Takes a key's value dot of one round and kv head. */
    void keep(int round, int g, int token, long dot) {
        valueDot[(round * config.kvHeads() + g) * capacity + token] = dot;
    }

    @Override
    public void close() {}

    /** Takes a key's scales. */
    void keepScales(Opened o, int token) {}

    private void extendTo(Opened o, int t) {
        for (; summed <= t; summed++) {
            keepScales(o, summed);
            for (int round = 0; round < ROUNDS; round++) {
                for (int g = 0; g < config.kvHeads(); g++) {
                    int at = summed * config.kvDim() + g * size;
                    int sum = (round * config.kvHeads() + g) * size;
                    ring.accumulate(o.k, at, size, r[round * capacity + summed], keySum, sum);
                    keep(round, g, summed, ring.dot(o.v, at, rValue, round * size, size));
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
        extendTo(o, t);
        heads(o, t, o.at + parts.scores(), o.at + parts.high(), o.at + parts.low(), q, sq, joined);
    }

    static FailedException falseScores(Opened o, int t, int h) {
        return o.fail(Step.SCORES, t, "the scores of head " + h + " are not query times keys");
    }

    static FailedException falseSums(Opened o, int t, int h) {
        return o.fail(Step.VALUES, t, "the sums of head " + h + " are not weights times values");
    }

    void heads(Opened o, int t, long scoresAt, long highAt, long lowAt, short[] q, float[] sq, float[] joined)
            throws FailedException {
        int n = t + 1;
        o.ints(highAt, config.queryDim(), high, 0);
        o.ints(lowAt, config.queryDim(), low, 0);
        int shared = config.heads() / config.kvHeads();
        for (int h = 0; h < config.heads(); h++) {
            int g = h / shared;
            o.ints(scoresAt + 4L * h * n, n, scores, 0);
            for (int round = 0; round < ROUNDS; round++) {
                int sum = (round * config.kvHeads() + g) * size;
                if (ring.dot(q, h * size, keySum, sum, size) != ring.dot(scores, 0, r, round * capacity, n)) {
                    throw falseScores(o, t, h);
                }
            }
            int scales = g * capacity;
            float factor = steps.attentionWeights(scores, 0, n, sq[h], o.sk, scales, o.sv, scales, u, 0);
            for (int round = 0; round < ROUNDS; round++) {
                int dots = (round * config.kvHeads() + g) * capacity;
                if (ring.dotHigh(u, 0, valueDot, dots, n) != ring.dot(high, h * size, rValue, round * size, size)
                        || ring.dotLow(u, 0, valueDot, dots, n)
                                != ring.dot(low, h * size, rValue, round * size, size)) {
                    throw falseSums(o, t, h);
                }
            }
            steps.attentionOutput(high, low, h * size, factor, joined, h * size);
        }
    }
}
