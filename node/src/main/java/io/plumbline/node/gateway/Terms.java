package io.plumbline.node.gateway;

import io.plumbline.verifier.audit.Level;

/**
 * What a gateway buys answers at: it is its own account that pays, whoever asks.
 *
 * @param level at which answers are audited where a client does not say.
 * @param leastLevel below which no client may have them audited.
 * @param maxPrice of a token, or of a row, that is paid, however a node is chosen; in the ledger's smallest unit.
 * @param preference of several nodes that would do, where a client does not say.
 * @param hedgeMs for so long may a first token take before another node is asked as well, in milliseconds; 0 where none
 *     is.
 */
public record Terms(Level level, Level leastLevel, long maxPrice, NodeWish.Preference preference, long hedgeMs) {
    /** Five times what a node asks where its operator does not say. */
    public static final long DEFAULT_MAX_PRICE = 10;

    /** Without hedging. */
    public Terms(Level level, Level leastLevel, long maxPrice, NodeWish.Preference preference) {
        this(level, leastLevel, maxPrice, preference, 0);
    }

    /** The same with hedging. */
    public Terms hedged(long afterMs) {
        return new Terms(level, leastLevel, maxPrice, preference, afterMs);
    }

    /** Terms where nothing else is said. */
    public static Terms at(Level level) {
        return new Terms(level, Level.SIGNED, DEFAULT_MAX_PRICE, NodeWish.Preference.PRICE);
    }
}
