package io.plumbline.inference.language.tokenizer;

import java.util.Arrays;
import java.util.List;

/**
 * Text that grows token by token. Shows nothing that a later token may make other: whole characters only, and nothing
 * that may turn out to be the beginning of a stop text. So its pieces together are the text of all tokens together, up
 * to the stop text. Each token costs the same, however long text and stop texts are: only the last few are decoded
 * again.
 */
public final class TextStream {
    private static final char INCOMPLETE = '\uFFFD';

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
    private int taken;
    private int shown;
    private int end = -1;

    /** @param stops texts that end the stream, none of them empty; they and what follows are not shown. */
    public TextStream(ChatTokenizer tokenizer, List<String> stops) {
        this.tokenizer = tokenizer;
        this.bytes = tokenizer.tokenBytes();
        this.stops = stops.stream().map(StopSearch::new).toList();
    }

    /** Takes the next tokens, which are decoded together; returns what can be shown now, perhaps nothing. */
    public String add(int... more) {
        int pending = 0;
        for (int token : more) {
            if (!bytes.isSilent(token)) {
                if (count == tokens.length) {
                    tokens = Arrays.copyOf(tokens, 2 * count);
                }
                tokens[count++] = token;
                // Tokens of one byte each are characters together, or, where a later one fits none, all of them are
                // not.
                pending = bytes.isByte(token) ? pending : count;
            }
        }
        return pending == 0 ? "" : decoded(pending);
    }

    /** Decodes the first tokens of those that are kept: all but the bytes at the end. */
    private String decoded(int whole) {
        String decoded = decode(whole);
        int length = decoded.length();
        boolean isIncomplete = length > 0 && decoded.charAt(length - 1) == INCOMPLETE;
        take(decoded, isIncomplete ? length - 1 : length);
        if (whole > 2 * CONTEXT) {
            int waiting = length - taken;
            int from = whole - CONTEXT;
            tokens = Arrays.copyOfRange(tokens, from, Math.max(count, from + 4 * CONTEXT));
            count -= from;
            taken = decode(CONTEXT).length() - waiting;
        }
        return show(heldBack());
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

    private String show(int heldBack) {
        int to = Math.max(shown, end >= 0 ? end : text.length() - heldBack);
        String piece = text.substring(shown, to);
        shown = to;
        return piece;
    }

    /** No more tokens come: what was held back. */
    public String finish() {
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
