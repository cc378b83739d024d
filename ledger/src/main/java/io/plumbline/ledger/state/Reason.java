package io.plumbline.ledger.state;

/**
 * Why a command was refused, as the state keeps it and replies carry it. A refusal may quote what its sender chose, up
 * to all of a command, so it is bounded: replies must fit one message, and the state must not grow by it.
 */
final class Reason {
    /** Characters of a reason, at most. */
    static final int MAX_CHARS = 200;

    private static final String CUT = "...";

    private Reason() {}

    /** The same in at most {@link #MAX_CHARS} characters, control characters and halves of pairs as question marks. */
    static String bounded(String reason) {
        boolean isLong = reason.length() > MAX_CHARS;
        StringBuilder out = new StringBuilder();
        reason.substring(0, isLong ? MAX_CHARS - CUT.length() : reason.length())
                .codePoints()
                .map(c -> Character.isISOControl(c) || c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE
                        ? '?'
                        : c)
                .forEach(out::appendCodePoint);
        return out.append(isLong ? CUT : "").toString();
    }
}
