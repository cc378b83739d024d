package io.plumbline.inference.tokenizer;

import java.util.Arrays;
import java.util.List;

/**
 * Text that grows token by token. Shows whole characters only, and nothing that may turn out to be the beginning of a
 * stop text. Each token costs the same, however long the text has become: only the last few tokens are decoded again.
 */
public final class TextStream {
    private static final char INCOMPLETE = '\uFFFD';

    /**
     * Tokens that one character may take, a byte each, and some that say nothing: after so many, what is incomplete
     * stays so.
     */
    private static final int LONGEST_CHARACTER = 8;

    private final ChatTokenizer tokenizer;
    private final List<String> stops;
    private final int longestStop;
    private final StringBuilder text = new StringBuilder();
    private int[] tokens = new int[16];
    private int count;
    private int decoded;
    private int context;
    private int shown;
    private int end = -1;

    /** @param stops texts that end the stream; they and what follows are not shown. */
    public TextStream(ChatTokenizer tokenizer, List<String> stops) {
        this.tokenizer = tokenizer;
        this.stops = stops;
        this.longestStop = stops.stream().mapToInt(String::length).max().orElse(0);
    }

    /** Takes the next token; returns what can be shown now, perhaps nothing. */
    public String add(int token) {
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        // What a token says may depend on the one before it (a leading space, a half character): both are decoded, and
        // the
        // difference is new.
        String before = decode(context, decoded);
        String after = decode(context, count);
        boolean isIncomplete = after.length() <= before.length() || after.charAt(after.length() - 1) == INCOMPLETE;
        if (isIncomplete && count - decoded < LONGEST_CHARACTER) {
            return "";
        }
        context = decoded;
        decoded = count;
        append(after.substring(Math.min(before.length(), after.length())));
        return show(heldBack());
    }

    private String decode(int from, int to) {
        return tokenizer.decode(Arrays.copyOfRange(tokens, from, to));
    }

    private void append(String piece) {
        int from = Math.max(0, text.length() - longestStop);
        text.append(piece);
        for (String stop : stops) {
            int at = text.indexOf(stop, from);
            if (at >= 0 && (end < 0 || at < end)) {
                end = at;
            }
        }
    }

    /** Characters at the end that begin a stop text. */
    private int heldBack() {
        for (int length = Math.min(longestStop - 1, text.length()); length > 0; length--) {
            String tail = text.substring(text.length() - length);
            for (String stop : stops) {
                if (stop.startsWith(tail)) {
                    return length;
                }
            }
        }
        return 0;
    }

    private String show(int heldBack) {
        int to = Math.max(shown, end >= 0 ? end : text.length() - heldBack);
        String piece = text.substring(shown, to);
        shown = to;
        return piece;
    }

    /** No more tokens come: what was held back. */
    public String finish() {
        if (decoded < count && end < 0) {
            String before = decode(context, decoded);
            String after = decode(context, count);
            append(after.substring(Math.min(before.length(), after.length())));
            decoded = count;
        }
        return show(0);
    }

    /** Whether a stop text has appeared. */
    public boolean isStopped() {
        return end >= 0;
    }
}
