package io.plumbline.verifier.model;

/**
 * Query, key and value rows of a batch of tokens as integers, with a scale for each head; every array row-major, by
 * the sizes of the layer that is run, with room for those of any. A layer without keys of its own leaves theirs as they
 * are.
 *
 * @param q 12-bit queries, {@code [rows][queryDim]}.
 * @param sq their scales, {@code [rows][heads]}.
 * @param k 12-bit keys, {@code [rows][kvDim]}.
 * @param sk their scales, {@code [rows][kvHeads]}.
 * @param v int8 values, {@code [rows][kvDim]}.
 * @param sv their scales, {@code [rows][kvHeads]}.
 * @param gate of attention's output, {@code [rows][queryDim]}; empty where there is none.
 */
public record HeadRows(short[] q, float[] sq, short[] k, float[] sk, byte[] v, float[] sv, float[] gate) {
    /** Room for so many rows. */
    public static HeadRows of(ModelConfig config, int rows) {
        return new HeadRows(
                new short[rows * config.widestQueries()],
                new float[rows * config.heads()],
                new short[rows * config.widestKeys()],
                new float[rows * config.mostKvHeads()],
                new byte[rows * config.widestKeys()],
                new float[rows * config.mostKvHeads()],
                new float[config.architecture().hasAttentionGate() ? rows * config.widestQueries() : 0]);
    }
}
