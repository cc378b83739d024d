package io.plumbline.verifier.model;

/**
 * The gated delta rule of a model's linear attention: in place of keys and values a value head keeps a matrix, which
 * decays with each token and is corrected by it, behind a short causal convolution over queries, keys and values.
 *
 * @param keyHeads of queries, and of keys; divides {@code valueHeads}, and consecutive value heads share one.
 * @param valueHeads of values; each has a state of its own.
 * @param keyDim elements of a query and of a key head, at most {@link #MOST_DIM}.
 * @param valueDim elements of a value head, at most {@link #MOST_DIM}.
 * @param taps of the convolution, 2 to {@link #MOST_TAPS}: the token's own and those before it.
 */
public record DeltaRule(int keyHeads, int valueHeads, int keyDim, int valueDim, int taps) {
    /**
     * Tokens between two states that a trace commits to: so few that a block and its state are evidence which a ledger
     * takes, in published models.
     */
    public static final int BLOCK_TOKENS = 128;

    /** Elements of a head, at most. */
    public static final int MOST_DIM = 256;

    /** Taps of a convolution, at most: published models have four. */
    public static final int MOST_TAPS = 16;

    /** Channels of a convolution, at most: published models have some ten thousands. */
    private static final int MOST_CHANNELS = 1 << 18;

    /** Floats of all heads' matrices, at most: published models have a million in a layer. */
    private static final int MOST_STATE = 1 << 21;

    public DeltaRule {
        ModelConfig.require(
                keyHeads > 0 && valueHeads > 0 && keyDim > 0 && valueDim > 0,
                "sizes of linear attention must be positive");
        ModelConfig.require(
                valueHeads % keyHeads == 0,
                valueHeads + " value heads of linear attention cannot share " + keyHeads + " key heads evenly");
        ModelConfig.require(
                keyDim <= MOST_DIM && valueDim <= MOST_DIM,
                "heads of linear attention of " + keyDim + " and " + valueDim + " elements, more than " + MOST_DIM);
        ModelConfig.require(
                taps > 1 && taps <= MOST_TAPS, "a convolution of " + taps + " taps is not of 2.." + MOST_TAPS);
        ModelConfig.require(
                2L * keyHeads * keyDim + (long) valueHeads * valueDim <= MOST_CHANNELS,
                "a convolution of more than " + MOST_CHANNELS + " channels");
        ModelConfig.require(
                (long) valueHeads * keyDim * valueDim <= MOST_STATE,
                "a state of more than " + MOST_STATE + " floats in a layer");
    }

    /** Elements of all query heads, or of all key heads. */
    public int keys() {
        return keyHeads * keyDim;
    }

    /** Elements of all value heads. */
    public int values() {
        return valueHeads * valueDim;
    }

    /** Channels of the convolution: queries, keys and values, one behind the other. */
    public int channels() {
        return 2 * keys() + values();
    }

    /** Floats of one head's matrix, {@code [keyDim][valueDim]}. */
    public int headFloats() {
        return keyDim * valueDim;
    }

    /** Floats that the convolution remembers: its inputs at the tokens before the next, the oldest first. */
    public int windowFloats() {
        return (taps - 1) * channels();
    }

    /** Bytes of a layer's state: the convolution's inputs, then each head's matrix, as little-endian floats. */
    public int stateBytes() {
        return 4 * (windowFloats() + valueHeads * headFloats());
    }

    /** Where in a state the matrix of a value head begins, in bytes. */
    public long headAt(int head) {
        return 4L * (windowFloats() + head * headFloats());
    }

    /** The first token of the block that {@code token} is in: the state before it is zero, or in the trace. */
    public static int blockStart(int token) {
        return token / BLOCK_TOKENS * BLOCK_TOKENS;
    }

    /** One word of a manifest's config line. */
    String toField() {
        return keyHeads + "," + valueHeads + "," + keyDim + "," + valueDim + "," + taps;
    }

    /** The reverse of {@link #toField}. */
    static DeltaRule fromField(String field) {
        String[] parts = field.split(",", -1);
        if (parts.length != 5) {
            throw new IllegalArgumentException("a delta rule \"" + field + "\" is not described by 5 numbers");
        }
        return new DeltaRule(
                Integer.parseInt(parts[0]),
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]),
                Integer.parseInt(parts[4]));
    }
}
