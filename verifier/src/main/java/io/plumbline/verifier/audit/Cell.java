package io.plumbline.verifier.audit;

/**
 * One layer over a block of tokens: the unit of a challenge. The layer after the last stands for the tokens' final records: what was
 * chosen after each of them.
 *
 * @param layer 0-based; the number of layers for final records.
 * @param from first token.
 * @param to token after the last.
 * @param attention whether attention is opened: the scores, and the keys and values of all tokens before. Without it a cell shows that
 *     the matrices were applied to the sums that the node states, for a fraction of the bytes.
 */
public record Cell(int layer, int from, int to, boolean attention) {
    public Cell {
        if (layer < 0 || from < 0 || to <= from) {
            throw new IllegalArgumentException("Not a cell: layer " + layer + ", tokens " + from + " to " + to + ".");
        }
    }

    /** A cell with its attention. */
    public Cell(int layer, int from, int to) {
        this(layer, from, to, true);
    }

    public int tokens() {
        return to - from;
    }
}
