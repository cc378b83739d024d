package io.plumbline.node.data;

import io.plumbline.ledger.state.StorageTerms;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;

/**
 * Terms on which a data node keeps blobs.
 *
 * @param price least that it takes for a GiB and a day, in the ledger's smallest unit; 0 or more.
 * @param mostCollateral that it puts up for one deal.
 * @param leastProof shortest time to answer a challenge that it takes on: a host restarts, a disk is slow.
 */
public record StorageOffer(BigDecimal price, long mostCollateral, Duration leastProof) {
    private static final BigInteger GIB = BigInteger.ONE.shiftLeft(30);
    private static final BigInteger DAY_MS =
            BigInteger.valueOf(Duration.ofDays(1).toMillis());

    /** Why it does not take a deal of these terms; null where it does. */
    String refusal(StorageTerms terms) {
        BigInteger kept = BigInteger.valueOf(terms.bytes()).multiply(BigInteger.valueOf(terms.roundMs()));
        BigDecimal paid =
                new BigDecimal(BigInteger.valueOf(terms.price()).multiply(GIB).multiply(DAY_MS));
        if (paid.compareTo(price.multiply(new BigDecimal(kept))) < 0) {
            return "it pays " + terms.price() + " for " + terms.bytes() + " bytes and " + terms.roundMs()
                    + " ms, which is less than " + price + " for a GiB and a day";
        }
        if (terms.collateral() > mostCollateral) {
            return "it asks for a collateral of " + terms.collateral() + ", which is more than " + mostCollateral;
        }
        if (terms.proofMs() < leastProof.toMillis()) {
            return "it leaves " + terms.proofMs() + " ms to answer, which is less than " + leastProof.toMillis();
        }
        return null;
    }
}
