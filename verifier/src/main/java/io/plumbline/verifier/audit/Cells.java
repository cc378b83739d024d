package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/** Which cells of an answer are checked. */
public final class Cells {
    /** Bytes that {@link #write} takes. */
    public static final int BYTES = 3 * Integer.BYTES;

    /** Tokens in one cell, at most. */
    public static final int BLOCK_TOKENS = 256;

    /** Final records in one cell, at most: their products are {@code 4 * vocab} bytes each. */
    private static final int BLOCK_CHOICES = 64;

    /** Bytes of tokens' pieces in one cell, about: bounds what a node must keep to answer. */
    private static final long BLOCK_BYTES = 128L << 20;

    /** The same with linear attention, where all pieces of a cell are evidence of what is wrong with one of them. */
    static final long LINEAR_BYTES = 32L << 20;

    /** Cells of a layer that are drawn at level AUDITED, of one token each, the common one included. */
    public static final int DRAWN_CELLS = 8;

    /** Final records that are drawn at level AUDITED, of one chosen token each. */
    public static final int DRAWN_CHOICES = 8;

    private static final String CONTEXT = "plumbline 2026-11 common cell";

    private Cells() {}

    /** Every layer over every token, in order, then every final record. */
    public static List<Cell> all(AnswerView view) {
        ModelConfig config = view.config();
        List<Cell> cells = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (int from = 0; from < view.length(); ) {
                int to = Math.min(view.length(), from + block(config, layer, from));
                cells.add(new Cell(layer, from, to));
                from = to;
            }
        }
        for (int from = 0; from < view.length(); from += BLOCK_CHOICES) {
            cells.add(new Cell(config.layers(), from, Math.min(view.length(), from + BLOCK_CHOICES)));
        }
        return cells;
    }

    /** Tokens of a layer's cell that begins at {@code from}, at most: their pieces must fit a node's memory. */
    private static int block(ModelConfig config, int layer, int from) {
        long bytes = OpeningLayout.Token.of(config, layer, from + BLOCK_TOKENS).bytes();
        boolean isLinear = config.isLinear(layer);
        // No cell goes beyond the block whose state it begins with.
        int most = isLinear ? DeltaRule.BLOCK_TOKENS - from % DeltaRule.BLOCK_TOKENS : BLOCK_TOKENS;
        long fit = (isLinear ? LINEAR_BYTES : BLOCK_BYTES) / bytes;
        return Math.clamp(
                fit / OpeningCheck.TOGETHER * OpeningCheck.TOGETHER, Math.min(most, OpeningCheck.TOGETHER), most);
    }

    /** The cell that all auditors of an answer check. */
    public static Cell common(AnswerView view, byte[] beacon) {
        byte[] drawn = Blake3.deriveKey(CONTEXT).update(beacon).digest();
        ByteBuffer numbers = ByteBuffer.wrap(drawn).order(ByteOrder.LITTLE_ENDIAN);
        int layer =
                (int) Long.remainderUnsigned(numbers.getLong(), view.config().layers());
        int token = (int) Long.remainderUnsigned(numbers.getLong(), view.length());
        return new Cell(layer, token, token + 1);
    }

    /**
     * Cells that the node cannot foretell, each once: {@link #DRAWN_CELLS} of layers, less {@code taken}, then {@link
     * #DRAWN_CHOICES} final records after which a token was chosen; fewer where the answer has fewer.
     */
    static List<Cell> drawn(AnswerView view, RandomGenerator random, int taken) {
        int layers = view.config().layers();
        List<Cell> cells = new ArrayList<>();
        for (long pick : distinct(random, DRAWN_CELLS - taken, (long) layers * view.length())) {
            int token = (int) (pick / layers);
            cells.add(new Cell((int) (pick % layers), token, token + 1));
        }
        for (long pick : distinct(random, DRAWN_CHOICES, view.length() - view.firstChoice())) {
            int token = view.firstChoice() + (int) pick;
            cells.add(new Cell(layers, token, token + 1));
        }
        return cells;
    }

    /** {@code count} different numbers below {@code bound}, uniform; all of them where there are no more. */
    private static Set<Long> distinct(RandomGenerator random, int count, long bound) {
        Set<Long> seen = new LinkedHashSet<>();
        while (seen.size() < Math.min(count, bound)) {
            seen.add(random.nextLong(bound));
        }
        return seen;
    }

    /** Whether {@code cell} is part of an answer that is {@code view}'s, and no larger than may be asked for. */
    public static boolean contains(AnswerView view, Cell cell) {
        int layers = view.config().layers();
        return cell.layer() <= layers
                && cell.to() <= view.length()
                && cell.tokens()
                        <= (cell.layer() == layers ? BLOCK_CHOICES : block(view.config(), cell.layer(), cell.from()));
    }

    /** One byte form, for ledgers and seals. */
    public static void write(CanonicalWriter out, Cell cell) {
        out.putInt(cell.layer()).putInt(cell.from()).putInt(cell.to());
    }

    public static Cell read(CanonicalReader in) {
        int layer = in.getInt("layer");
        int from = in.getInt("from");
        int to = in.getInt("to");
        if (layer < 0 || from < 0 || to <= from || to - from > BLOCK_TOKENS) {
            throw new MalformedException("Malformed cell: layer " + layer + ", tokens " + from + " to " + to + ".");
        }
        return new Cell(layer, from, to);
    }
}
