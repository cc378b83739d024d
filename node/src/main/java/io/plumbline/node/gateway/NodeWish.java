package io.plumbline.node.gateway;

import io.plumbline.verifier.audit.Level;
import java.util.Locale;

/**
 * A client's wishes for the node that is to answer it.
 *
 * @param level at which its answer is to be audited.
 * @param named the key of the only node to take, in hexadecimal; empty for any.
 * @param maxPrice the most that a token or a row may cost, in the ledger's smallest unit.
 * @param preference of several that would do; null where the gateway's own counts.
 */
public record NodeWish(Level level, String named, long maxPrice, Preference preference) {
    /** The order of several nodes that would do. */
    public enum Preference {
        /** The cheapest, and of these the quickest. */
        PRICE,

        /** The quickest as far as this gateway has seen, and of these the cheapest. */
        LATENCY;

        static Preference parse(String text) {
            for (Preference one : values()) {
                if (one.name().toLowerCase(Locale.ROOT).equals(text.toLowerCase(Locale.ROOT))) {
                    return one;
                }
            }
            throw RequestFields.invalid("plumbline.prefer", "must be \"price\" or \"latency\".");
        }
    }

    /** @param otherwise the level where the client names none. */
    static NodeWish of(RequestFields plumbline, Level otherwise) {
        return new NodeWish(
                plumbline.has("level") ? level(plumbline.text("level", "")) : otherwise,
                plumbline.text("node", ""),
                plumbline.whole("max_price", Long.MAX_VALUE, 0, Long.MAX_VALUE),
                plumbline.has("prefer") ? Preference.parse(plumbline.text("prefer", "")) : null);
    }

    private static Level level(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "signed" -> Level.SIGNED;
            case "audited" -> Level.AUDITED;
            case "full" -> Level.FULL;
            default ->
                throw new ApiException(
                        400,
                        "invalid_value",
                        "plumbline.level",
                        "\"plumbline.level\" must be \"signed\", \"audited\" or \"full\".");
        };
    }
}
