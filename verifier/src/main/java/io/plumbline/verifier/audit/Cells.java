package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.ModelConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Which cells of an answer are checked. */
public final class Cells {
    /** Tokens in one cell, at most. */
    public static final int BLOCK_TOKENS = 256;

    /** Final records in one cell, at most: their products are {@code 4 * vocab} bytes each. */
    private static final int BLOCK_CHOICES = 64;

    /** Bytes of tokens' pieces in one cell, about: bounds what a node must keep to answer. */
    private static final long BLOCK_BYTES = 128L << 20;

    /** Cells drawn at level AUDITED, of one token each, the common one included; half of them with attention. */
    public static final int DRAWN_CELLS = 8;

    private static final int DRAWN_WITH_ATTENTION = DRAWN_CELLS / 2;

    private static final String CONTEXT = "plumbline 2026-11 common cell";

    private Cells() {}

    /** Every layer over every token, in order, then every final record. */
    public static List<Cell> all(AnswerView view) {
        ModelConfig config = view.config();
        List<Cell> cells = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (int from = 0; from < view.length(); ) {
                int to = Math.min(view.length(), from + block(config, from));
                cells.add(new Cell(layer, from, to));
                from = to;
            }
        }
        for (int from = 0; from < view.length(); from += BLOCK_CHOICES) {
            cells.add(new Cell(config.layers(), from, Math.min(view.length(), from + BLOCK_CHOICES)));
        }
        return cells;
    }

    /** Tokens of a cell that begins at {@code from}. */
    private static int block(ModelConfig config, int from) {
        long bytes = OpeningLayout.Token.of(config, new Cell(0, from, from + BLOCK_TOKENS), from + BLOCK_TOKENS)
                .bytes();
        return Math.clamp(
                BLOCK_BYTES / bytes / OpeningCheck.TOGETHER * OpeningCheck.TOGETHER,
                OpeningCheck.TOGETHER,
                BLOCK_TOKENS);
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

    /** Cells that nobody can foretell, beside {@code taken}; the last is a final record after which a token was chosen. */
    static List<Cell> drawn(AnswerView view, SecureRandom random, int taken) {
        int layers = view.config().layers();
        List<Cell> cells = new ArrayList<>();
        Set<Long> seen = new HashSet<>();
        long all = (long) layers * view.length();
        while (cells.size() < Math.min(DRAWN_CELLS - taken, all)) {
            long pick = random.nextLong(all);
            if (seen.add(pick)) {
                int token = (int) (pick / layers);
                boolean attention = cells.size() < DRAWN_WITH_ATTENTION - taken;
                cells.add(new Cell((int) (pick % layers), token, token + 1, attention));
            }
        }
        int choice = view.firstChoice() + random.nextInt(view.length() - view.firstChoice());
        cells.add(new Cell(layers, choice, choice + 1));
        return cells;
    }

    /** Whether {@code cell} is part of an answer that is {@code view}'s, and no larger than may be asked for. */
    public static boolean contains(AnswerView view, Cell cell) {
        return cell.layer() <= view.config().layers() && cell.to() <= view.length() && cell.tokens() <= BLOCK_TOKENS;
    }

    /** One byte form, for ledgers and seals. */
    public static void write(CanonicalWriter out, Cell cell) {
        out.putInt(cell.layer()).putInt(cell.from()).putInt(cell.to()).putInt(cell.attention() ? 1 : 0);
    }

    public static Cell read(CanonicalReader in) {
        int layer = in.getInt("layer");
        int from = in.getInt("from");
        int to = in.getInt("to");
        int attention = in.getInt("attention");
        if (layer < 0 || from < 0 || to <= from || to - from > BLOCK_TOKENS || (attention & ~1) != 0) {
            throw new MalformedException("Malformed cell: layer " + layer + ", tokens " + from + " to " + to + ".");
        }
        return new Cell(layer, from, to, attention == 1);
    }
}
