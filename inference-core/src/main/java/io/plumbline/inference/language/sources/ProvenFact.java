package io.plumbline.inference.language.sources;

import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A feed's value that a quorum of a ledger's full nodes has certified.
 *
 * @param feed with its latest value.
 * @param block number of the certified block that it stands in.
 */
public record ProvenFact(CertifiedFeed feed, long block) {
    /** The last moment that has four digits of a year. */
    private static final long MAX_TIME_MS = 253_402_300_799_999L;

    /**
     * Checks a fact.
     *
     * @param time seconds since 1970 at which the value must be fresh.
     * @throws IllegalArgumentException saying which check does not hold.
     */
    static ProvenFact of(PromptSources.Fact fact, TrustedLedger ledger, long time) {
        String id = HexFormat.of().formatHex(fact.feed());
        if (time < 0 || time > MAX_TIME_MS / 1_000) {
            throw new IllegalArgumentException("A request with facts was made at a time of the years 1970 to 9999.");
        }
        FeedProof proof;
        try {
            proof = FeedProof.check(fact.proof(), ledger, fact.feed(), time * 1_000);
        } catch (ProofRefusedException e) {
            throw new IllegalArgumentException(
                    "The value of feed " + id + " is not proven (" + e.check() + "): " + e.getMessage(), e);
        }
        if (proof.feed().latest().timeMs() > MAX_TIME_MS) {
            throw new IllegalArgumentException("The value of feed " + id + " is of a year after 9999.");
        }
        return new ProvenFact(proof.feed(), proof.entry().header().number());
    }

    /** The value as a decimal, with as many digits as the feed declares. */
    public String value() {
        return decimal(feed.latest().value());
    }

    /** When its round closed, by the ledger's time: UTC in ISO 8601, to the second. */
    public String time() {
        return Instant.ofEpochMilli(feed.latest().timeMs())
                .truncatedTo(ChronoUnit.SECONDS)
                .toString();
    }

    private String decimal(long value) {
        return BigDecimal.valueOf(value, feed.decimals()).toPlainString();
    }

    /** Fields that a template may name. */
    SortedMap<String, String> fields() {
        CertifiedFeed.Value latest = feed.latest();
        return new TreeMap<>(Map.of(
                "name", feed.name(),
                "value", value(),
                "unit", feed.unit(),
                "time", time(),
                "spread", decimal(latest.spread()),
                "round", Long.toString(latest.round()),
                "block", Long.toString(block),
                "feed", HexFormat.of().formatHex(feed.id())));
    }
}
