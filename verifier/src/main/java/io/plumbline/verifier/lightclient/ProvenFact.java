package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.Bytes32;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A feed's value that a quorum of a ledger's full nodes has certified, and that was fresh when a request was made.
 *
 * @param feed with its latest value.
 * @param block number of the certified block that it stands in.
 */
public record ProvenFact(CertifiedFeed feed, long block) {
    /** The last moment that has four digits of a year. */
    private static final long MAX_TIME_MS = 253_402_300_799_999L;

    /**
     * Checks a fact that a request carries.
     *
     * @param proof as {@link FeedProof#check} reads it.
     * @param feed id of it, 32 bytes.
     * @param ledger that is trusted; null where none is known.
     * @param time of the request, in seconds since 1970: the value must be fresh then.
     * @throws IllegalArgumentException saying which check does not hold.
     * @throws IllegalStateException where no ledger is known: a host that does not know refutes no other.
     */
    public static ProvenFact of(byte[] proof, Bytes32 feed, TrustedLedger ledger, long time) {
        if (ledger == null) {
            throw new IllegalStateException(
                    "The request has facts of a ledger, and none is known here. Name the network.");
        }
        if (time < 0 || time > Long.MAX_VALUE / 1_000) {
            throw new IllegalArgumentException(
                    "A request with facts is of no time before 1970, nor of one without end.");
        }
        try {
            FeedProof checked = FeedProof.check(proof, ledger, feed, time * 1_000);
            return new ProvenFact(checked.feed(), checked.entry().header().number());
        } catch (ProofRefusedException e) {
            throw new IllegalArgumentException(
                    "The value of feed " + feed + " is not proven (" + e.check() + "): " + e.getMessage(), e);
        }
    }

    /** The value, with as many digits as the feed declares. */
    public BigDecimal value() {
        return decimal(feed.latest().value());
    }

    /** How far reports of it lay apart, likewise. */
    public BigDecimal spread() {
        return decimal(feed.latest().spread());
    }

    private BigDecimal decimal(long value) {
        return BigDecimal.valueOf(value, feed.decimals());
    }

    /**
     * When its round closed, by the ledger's time: UTC in ISO 8601, to the second.
     *
     * @throws IllegalArgumentException where that was after the year 9999.
     */
    public String time() {
        long timeMs = feed.latest().timeMs();
        if (timeMs > MAX_TIME_MS) {
            throw new IllegalArgumentException("The value of feed " + feed.id() + " is of a year after 9999.");
        }
        return Instant.ofEpochMilli(timeMs).truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
