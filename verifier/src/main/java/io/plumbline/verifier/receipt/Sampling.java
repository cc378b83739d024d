package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.grammar.PermittedTokens;
import io.plumbline.verifier.numerics.ScalarMath;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.BitSet;

/**
 * How the next token follows from the logits. Greedy takes the largest logit, the lowest id on a tie. Sampling draws
 * from integer weights, so no float sum and no tie can go two ways.
 *
 * @param temperature 0 for greedy.
 * @param topK most tokens to draw from; 0 for all.
 * @param topPMillionths share of the weight to draw from, in millionths; 1,000,000 for all.
 * @param minPMillionths least weight of a token to draw, in millionths of the largest; 0 for any.
 * @param seed of the draws.
 * @param adjustments of logits before all of it.
 */
public record Sampling(
        float temperature, int topK, int topPMillionths, int minPMillionths, long seed, LogitAdjustments adjustments) {
    public static final Sampling GREEDY = new Sampling(0f, 0, 1_000_000, 0);

    /** Beyond it draws are all but uniform. */
    public static final float MAX_TEMPERATURE = 100;

    /** Below this exp is under 2^-31, and its weight 0. */
    private static final float NEGLIGIBLE = -22f;

    /** So many of the likeliest tokens are asked about one by one: all that are permitted take longer to find. */
    private static final int FEW = 16;

    /** The largest weight of a token: that of the largest logit. */
    private static final long MAX_WEIGHT = 1 << 30;

    private static final String CONTEXT = "plumbline 2026-11 sampling seed";

    public Sampling {
        if (!(temperature >= 0 && temperature <= MAX_TEMPERATURE)) {
            throw new IllegalArgumentException("temperature must be in 0..100, not " + temperature + ".");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("top_k must be 0 or more, not " + topK + ".");
        }
        if (topPMillionths < 1 || topPMillionths > 1_000_000) {
            throw new IllegalArgumentException("top_p must be above 0 and at most 1.");
        }
        if (minPMillionths < 0 || minPMillionths > 1_000_000) {
            throw new IllegalArgumentException("min_p must be in 0 to 1.");
        }
    }

    /** Of logits as they are, however small a token's weight is. */
    public Sampling(float temperature, int topK, int topPMillionths, long seed) {
        this(temperature, topK, topPMillionths, 0, seed, LogitAdjustments.NONE);
    }

    /** The same, with other draws. */
    public Sampling withSeed(long other) {
        return new Sampling(temperature, topK, topPMillionths, minPMillionths, other, adjustments);
    }

    /**
     * The token chosen after {@code position}, of all of them.
     *
     * @param logits of all {@code n} tokens, adjusted, from {@code offset}.
     * @throws ArithmeticException when a logit is infinite or not a number.
     */
    public int choose(float[] logits, int offset, int n, int position) {
        requireFinite(logits, offset, n);
        return choose(logits, offset, n, position, null);
    }

    /** @throws ArithmeticException naming a logit that is infinite or not a number. */
    public static void requireFinite(float[] logits, int offset, int n) {
        for (int i = 0; i < n; i++) {
            if (!Float.isFinite(logits[offset + i])) {
                throw new ArithmeticException("Logit " + i + " is " + logits[offset + i]
                        + ", which is no number; the model cannot be run exactly on this input.");
            }
        }
    }

    /**
     * The token chosen after {@code position}.
     *
     * @param logits of all {@code n} tokens, adjusted and finite, from {@code offset}.
     * @param permitted the tokens to choose of, at least one below {@code n}; null for all.
     */
    public int choose(float[] logits, int offset, int n, int position, PermittedTokens permitted) {
        int best = next(logits, offset, n, -1);
        for (int i = 0; i < FEW && permitted != null && best >= 0 && !permitted.contains(best); i++) {
            best = next(logits, offset, n, best);
        }
        if (permitted != null && (best < 0 || !permitted.contains(best))) {
            BitSet all = permitted.all();
            best = all.nextSetBit(0);
            for (int i = best; i >= 0 && i < n; i = all.nextSetBit(i + 1)) {
                if (logits[offset + i] > logits[offset + best]) {
                    best = i;
                }
            }
        }
        return temperature == 0 ? best : draw(logits, offset, n, logits[offset + best], position, permitted);
    }

    /** The likeliest token after {@code after}, by descending logit and ascending id; -1 where there is none. */
    private static int next(float[] logits, int offset, int n, int after) {
        int best = -1;
        for (int i = 0; i < n; i++) {
            float logit = logits[offset + i];
            boolean isBehind =
                    after < 0 || logit < logits[offset + after] || logit == logits[offset + after] && i > after;
            if (isBehind && (best < 0 || logit > logits[offset + best])) {
                best = i;
            }
        }
        return best;
    }

    private int draw(float[] logits, int offset, int n, float max, int position, PermittedTokens permitted) {
        // Descending logit, then ascending id, as one sortable long: float order is integer order once negatives are
        // flipped. Tokens whose weight rounds to 0 cannot be drawn and come last: they need not be sorted.
        long[] order = new long[n];
        int candidates = 0;
        for (int i = 0; i < n; i++) {
            float logit = logits[offset + i];
            // A token that is not permitted may be likelier than all that are.
            if ((logit - max) / temperature >= NEGLIGIBLE && (permitted == null || permitted.contains(i))) {
                int bits = Float.floatToRawIntBits(logit + 0f);
                int ascending = bits ^ (bits >> 31 & 0x7FFF_FFFF);
                order[candidates++] = (long) ~ascending << 32 | i;
            }
        }
        Arrays.sort(order, 0, candidates);
        int kept = topK == 0 ? candidates : Math.min(topK, candidates);
        long[] prefix = new long[kept];
        long total = 0;
        for (int i = 0; i < kept; i++) {
            float e = ScalarMath.exp((logits[offset + (int) order[i]] - max) / temperature);
            long weight = (long) Math.rint(e * 0x1p30f);
            if (weight * 1_000_000 < minPMillionths * MAX_WEIGHT) {
                // Those behind it weigh less still.
                kept = i;
                break;
            }
            total += weight;
            prefix[i] = total;
        }
        if (topPMillionths < 1_000_000) {
            // floor(total * p / 10^6) without overflow; the first prefix that reaches it is the last token kept.
            long limit = total / 1_000_000 * topPMillionths + total % 1_000_000 * topPMillionths / 1_000_000;
            int last = 0;
            while (prefix[last] < limit) {
                last++;
            }
            total = prefix[last];
        }
        long target = Math.unsignedMultiplyHigh(random(position), total);
        int chosen = 0;
        while (prefix[chosen] <= target) {
            chosen++;
        }
        return (int) order[chosen];
    }

    /** 64 uniform bits for one position of this seed. */
    private long random(int position) {
        byte[] key = Blake3.deriveKey(CONTEXT).update(longBytes(seed)).digest();
        byte[] out = Blake3.keyed(key).update(longBytes(position)).digest(8);
        return ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static byte[] longBytes(long value) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
    }
}
