package io.plumbline.inference.language.tokenizer;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * Text that grows token by token. Shows nothing that a later token may make other: whole characters only, and nothing
 * that may turn out to be the beginning of a stop text. So its pieces together are the text of all tokens together, up
 * to the stop text. Each token costs the same, however long text and stop texts are: only the last few are decoded
 * again.
 */
public final class TextStream {
    private static final char INCOMPLETE = '\uFFFD';

    /** A part of what tokens say, in their order. */
    public sealed interface Piece {
        /** @param text not empty. */
        record Text(String text) implements Piece {}

        /**
         * A token that stands in no text: models mark the parts of an answer with them.
         *
         * @param name as the vocabulary has it.
         */
        record Control(String name) implements Piece {}
    }

    /**
     * A control token that was not told yet.
     *
     * @param at characters of the text before it. One whose bytes are not all there yet comes behind it.
     */
    private record Mark(int at, String name) {}

    /**
     * Tokens that are decoded again with the next one, at least: each has a byte or more, and a character has four at
     * most, so the characters behind them are the same as with all tokens before.
     */
    private static final int CONTEXT = 8;

    private final ChatTokenizer tokenizer;
    private final TokenBytes bytes;
    private final List<StopSearch> stops;
    private final StringBuilder text = new StringBuilder();

    /** The last ones, of which {@code taken} characters are in the text. */
    private int[] tokens = new int[4 * CONTEXT];

    private int count;

    /** The first ones of them, which are decoded: those behind are bytes that a later token may join. */
    private int whole;

    private final Deque<Mark> marks = new ArrayDeque<>();
    private int taken;
    private int shown;
    private int end = -1;

    /** @param stops texts that end the stream, none of them empty; they and what follows are not shown. */
    public TextStream(ChatTokenizer tokenizer, List<String> stops) {
        this.tokenizer = tokenizer;
        this.bytes = tokenizer.tokenBytes();
        this.stops = stops.stream().map(StopSearch::new).toList();
    }

    /** Takes the next tokens; returns the text that can be shown now, perhaps nothing. */
    public String add(int... more) {
        return text(pieces(more));
    }

    /** No more tokens come: the text that was held back. */
    public String finish() {
        return text(finishPieces());
    }

    private static String text(List<Piece> pieces) {
        StringBuilder text = new StringBuilder();
        for (Piece piece : pieces) {
            if (piece instanceof Piece.Text(String next)) {
                text.append(next);
            }
        }
        return text.toString();
    }

    /**
     * Takes the next tokens, which are decoded together; returns what can be shown now, perhaps nothing: the text of
     * {@link #add}, and the control tokens where they stand in it.
     */
    public List<Piece> pieces(int... more) {
        boolean isGrown = false;
        for (int token : more) {
            String control = bytes.control(token);
            if (control != null) {
                if (isGrown) {
                    decode();
                    isGrown = false;
                }
                marks.add(new Mark(text.length(), control));
            } else if (!bytes.isSilent(token)) {
                if (count == tokens.length) {
                    tokens = Arrays.copyOf(tokens, 2 * count);
                }
                tokens[count++] = token;
                // Tokens of one byte each are characters together, or, where a later one fits none, all of them are
                // not.
                whole = bytes.isByte(token) ? whole : count;
                isGrown |= whole == count;
            }
        }
        if (isGrown) {
            decode();
        }
        return show(heldBack());
    }

    /** Decodes the tokens that are kept: all but the bytes at the end. */
    private void decode() {
        String decoded = decode(whole);
        int length = decoded.length();
        boolean isIncomplete = length > 0 && decoded.charAt(length - 1) == INCOMPLETE;
        take(decoded, isIncomplete ? length - 1 : length);
        if (whole > 2 * CONTEXT) {
            int waiting = length - taken;
            int from = whole - CONTEXT;
            tokens = Arrays.copyOfRange(tokens, from, Math.max(count, from + 4 * CONTEXT));
            count -= from;
            whole -= from;
            taken = decode(CONTEXT).length() - waiting;
        }
    }

    private String decode(int first) {
        return tokenizer.decode(Arrays.copyOf(tokens, first));
    }

    private void take(String decoded, int to) {
        for (int i = taken; i < to; i++) {
            char next = decoded.charAt(i);
            text.append(next);
            for (StopSearch stop : stops) {
                if (stop.take(next)) {
                    int at = text.length() - stop.length();
                    end = end < 0 ? at : Math.min(at, end);
                }
            }
        }
        taken = Math.max(taken, to);
    }

    /** Characters at the end that begin a stop text. */
    private int heldBack() {
        int most = 0;
        for (StopSearch stop : stops) {
            most = Math.max(most, stop.matched());
        }
        return most;
    }

    private List<Piece> show(int heldBack) {
        int to = Math.max(shown, end >= 0 ? end : text.length() - heldBack);
        List<Piece> pieces = new ArrayList<>();
        while (!marks.isEmpty() && marks.getFirst().at() <= to) {
            Mark mark = marks.removeFirst();
            showText(mark.at(), pieces);
            pieces.add(new Piece.Control(mark.name()));
        }
        showText(to, pieces);
        return pieces;
    }

    private void showText(int to, List<Piece> pieces) {
        if (to > shown) {
            pieces.add(new Piece.Text(text.substring(shown, to)));
            shown = to;
        }
    }

    /** No more tokens come: what was held back. */
    public List<Piece> finishPieces() {
        if (end < 0) {
            String decoded = decode(count);
            take(decoded, decoded.length());
        }
        return show(0);
    }

    /** Whether a stop text has appeared. */
    public boolean isStopped() {
        return end >= 0;
    }
}
