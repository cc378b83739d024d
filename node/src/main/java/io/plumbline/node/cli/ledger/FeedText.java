package io.plumbline.node.cli.ledger;

import io.plumbline.ledger.state.Feed;
import java.io.IOException;
import java.math.BigDecimal;

/** Values of feeds as people write them. */
final class FeedText {
    private FeedText() {}

    /**
     * A value in units of its last decimal.
     *
     * @param what the option it was given for, for the error.
     * @throws IOException where it has more decimals, or no long holds it.
     */
    static long scaled(BigDecimal value, int decimals, String what) throws IOException {
        try {
            return value.movePointRight(decimals).longValueExact();
        } catch (ArithmeticException e) {
            throw new IOException(
                    what + " " + value + " has more than " + decimals + " decimals (--decimals), or is too large.", e);
        }
    }

    /** A value in units of its last decimal, with its point and its unit. */
    static String of(long value, Feed feed) {
        String number = BigDecimal.valueOf(value, feed.decimals()).toPlainString();
        return feed.unit().isEmpty() ? number : number + " " + feed.unit();
    }
}
