package io.plumbline.inference.language.engine;

import java.util.Arrays;

/**
 * The rows of a batch after which a token is wanted, what is asked of each, and what came of it. Used again from step
 * to step.
 */
public final class LogitsRequests {
    /** Asks for the largest logit, the lowest id on a tie. */
    public static final int BEST = -1;

    /** Asks for all logits. */
    public static final int ALL = -2;

    private final int vocab;
    private final int tailFloats;
    private int count;
    private int whole;
    private int[] rows = new int[16];
    private int[] asked = new int[16];
    private int[] at = new int[16];
    private int[] token = new int[16];
    private float[] logit = new float[16];
    private float[] tails;
    private float[] logits = new float[0];

    /** @param tailFloats of a residual that its choice is hashed with, see TraceLayout. */
    public LogitsRequests(int vocab, int tailFloats) {
        this.vocab = vocab;
        this.tailFloats = tailFloats;
        this.tails = new float[16 * tailFloats];
    }

    /** Asks for nothing. */
    public void clear() {
        count = 0;
        whole = 0;
    }

    /**
     * Asks for what follows row {@code row}; rows in ascending order.
     *
     * @param what {@link #BEST}, {@link #ALL}, or the token whose logit is wanted.
     */
    public void add(int row, int what) {
        if (count == rows.length) {
            rows = Arrays.copyOf(rows, 2 * count);
            asked = Arrays.copyOf(asked, 2 * count);
            at = Arrays.copyOf(at, 2 * count);
            token = Arrays.copyOf(token, 2 * count);
            logit = Arrays.copyOf(logit, 2 * count);
            tails = Arrays.copyOf(tails, 2 * count * tailFloats);
        }
        rows[count] = row;
        asked[count] = what;
        at[count] = what == ALL ? whole++ * vocab : -1;
        count++;
    }

    /** How many rows ask. */
    public int count() {
        return count;
    }

    /** Index in the batch of asking row {@code i}. */
    public int row(int i) {
        return rows[i];
    }

    /** What row {@code i} asks: {@link #BEST}, {@link #ALL} or a token. */
    public int asked(int i) {
        return asked[i];
    }

    /** For an executor: the answer for row {@code i}; a token that was asked for comes back as it is. */
    public void answer(int i, int id, float value) {
        token[i] = id;
        logit[i] = value;
    }

    /** The best token, or the one asked for. Not of rows that asked for all. */
    public int token(int i) {
        return token[i];
    }

    /** That token's logit. */
    public float logit(int i) {
        return logit[i];
    }

    /** All logits of the rows that asked for them; those of row {@code i} from {@link #logitsAt}. */
    public float[] logits() {
        if (logits.length < whole * vocab) {
            logits = new float[whole * vocab];
        }
        return logits;
    }

    /** Where in {@link #logits} row {@code i} stands, or -1. */
    public int logitsAt(int i) {
        return at[i];
    }

    /** The last residuals of every asking row, tailFloats each. */
    public float[] tails() {
        return tails;
    }

    /** Residuals in a tail. */
    public int tailFloats() {
        return tailFloats;
    }

    /** Where in {@link #tails} row {@code i} stands. */
    public int tailAt(int i) {
        return i * tailFloats;
    }
}
