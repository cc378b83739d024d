package io.plumbline.verifier.audit;

/**
 * What an audit has checked.
 *
 * @param cells of layer and token block.
 * @param rows of int8 matrices: one input row through one matrix each.
 * @param heads attention heads of single tokens.
 * @param positions whose chosen token was derived from the logits.
 * @param bytes of openings.
 */
public record Counts(long cells, long rows, long heads, long positions, long bytes) {
    public static final Counts NONE = new Counts(0, 0, 0, 0, 0);

    public Counts plus(Counts other) {
        return new Counts(
                cells + other.cells,
                rows + other.rows,
                heads + other.heads,
                positions + other.positions,
                bytes + other.bytes);
    }
}
