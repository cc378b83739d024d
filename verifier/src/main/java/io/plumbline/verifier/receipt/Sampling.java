package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.numerics.ScalarMath;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How the next token follows from the logits. Greedy takes the largest logit, the lowest id on a tie. Sampling draws
 * from integer weights, so no float sum and no tie can go two ways.
 *
 * @param temperature 0 for greedy.
 * @param topK most tokens to draw from; 0 for all.
 * @param topPMillionths share of the weight to draw from, in millionths; 1,000,000 for all.
 * @param seed of the draws.
 */
public record Sampling(float temperature, int topK, int topPMillionths, long seed) {
    public static final Sampling GREEDY = new Sampling(0f, 0, 1_000_000, 0);

    /** Beyond it draws are all but uniform. */
    public static final float MAX_TEMPERATURE = 100;

    /** Below this exp is under 2^-31, and its weight 0. */
    private static final float NEGLIGIBLE = -22f;

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
    }

    /** The same, with other draws. */
    public Sampling withSeed(long other) {
        return new Sampling(temperature, topK, topPMillionths, other);
    }

    /**
     * The token chosen after {@code position}.
     *
     * @param logits of all {@code n} tokens, from {@code offset}.
     * @throws ArithmeticException when a logit is infinite or not a number.
     */
    public int choose(float[] logits, int offset, int n, int position) {
        int best = 0;
        for (int i = 0; i < n; i++) {
            if (!Float.isFinite(logits[offset + i])) {
                throw new ArithmeticException("Logit " + i + " is " + logits[offset + i]
                        + ", which is no number; the model cannot be run exactly on this input.");
            }
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return temperature == 0 ? best : draw(logits, offset, n, logits[offset + best], position);
    }

    private int draw(float[] logits, int offset, int n, float max, int position) {
        // Descending logit, then ascending id, as one sortable long: float order is integer order once negatives are
        // flipped. Tokens whose weight rounds to 0 cannot be drawn and come last: they need not be sorted.
        long[] order = new long[n];
        int candidates = 0;
        for (int i = 0; i < n; i++) {
            float logit = logits[offset + i];
            if ((logit - max) / temperature >= NEGLIGIBLE) {
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
            total += (long) Math.rint(e * 0x1p30f);
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
