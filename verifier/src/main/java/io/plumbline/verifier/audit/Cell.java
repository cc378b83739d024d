package io.plumbline.verifier.audit;

/**
 * One layer over a block of tokens: the unit of a challenge. The layer after the last stands for the tokens' final
 * records: what was chosen after each of them.
 *
 * @param layer 0-based; the number of layers for final records.
 * @param from first token.
 * @param to token after the last.
 */
public record Cell(int layer, int from, int to) {
    public Cell {
        if (layer < 0 || from < 0 || to <= from) {
            throw new IllegalArgumentException("Not a cell: layer " + layer + ", tokens " + from + " to " + to + ".");
        }
    }

    public int tokens() {
        return to - from;
    }
}
