package io.plumbline.client;

import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedSettlement;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Receipt;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Asks for proofs of settlements, and checks them.
 *
 * @param ledger whose full nodes are trusted together; null where the client was built without a network.
 */
record SettlementWatch(HttpCalls calls, TrustedLedger ledger) {
    private static final int NOT_FOUND = 404;
    private static final int UNAVAILABLE = 503;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    /**
     * See {@link AnswerReceipt#awaitSettlement}.
     *
     * @param level at which the answer is to be audited at least; null for any.
     */
    SettlementProof await(Bytes32 requestHash, Receipt receipt, Level level, Duration timeout) {
        if (ledger == null) {
            throw new IllegalStateException("A settlement is checked with the full nodes' keys: build the client with "
                    + "network(FILE) or fullNodes(...).");
        }
        long end = System.nanoTime() + timeout.toNanos();
        String path = "/receipts/" + requestHash + "/proof";
        String last = "none was given";
        for (Duration pause = FIRST_PAUSE; ; pause = longer(pause)) {
            try {
                SettlementProof proof =
                        checked(calls.get(path, SettlementProof.MAX_BYTES), requestHash, receipt, level);
                if (!proof.settlement().status().isOpen()) {
                    return proof;
                }
                last = "it is " + proof.settlement().status();
            } catch (ApiException e) {
                // No certified block has it yet, or the ledger does not answer now.
                if (e.status() != NOT_FOUND && e.status() != UNAVAILABLE) {
                    throw e;
                }
                last = e.getMessage();
            }
            Duration left = Duration.ofNanos(end - System.nanoTime());
            if (!left.isPositive()) {
                throw new UnreachableException(
                        "No proof of a closed request came within " + timeout + "; the last word: " + last, null);
            }
            HttpCalls.sleep(pause.compareTo(left) < 0 ? pause : left);
        }
    }

    private static Duration longer(Duration pause) {
        Duration twice = pause.multipliedBy(2);
        return twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
    }

    /** The receipt shown is the node's own: its signature was checked with the answer. */
    private static String other(Receipt ordered, Receipt shown) {
        String plain = "The ledger has another receipt of this request.";
        return !ordered.node().equals(shown.node()) || ordered.isSameAnswer(shown)
                ? plain
                : plain + " Node " + shown.node() + " has signed two, which costs it its stake: whoever has an account"
                        + " hands in the one that was shown while the request is on the ledger, by: plumbline ledger"
                        + " accuse --network FILE --key FILE --receipt "
                        + HexFormat.of().formatHex(shown.encode());
    }

    private SettlementProof checked(byte[] bytes, Bytes32 requestHash, Receipt receipt, Level level) {
        SettlementProof proof;
        try {
            proof = SettlementProof.check(bytes, ledger);
        } catch (ProofRefusedException e) {
            throw new VerificationException(
                    e.check().name(), "The proof of the settlement does not hold: " + e.getMessage(), e);
        }
        CertifiedSettlement settlement = proof.settlement();
        if (!settlement.requestHash().equals(requestHash)) {
            throw new VerificationException("REQUEST", "The proof is about another request.", null);
        }
        if (settlement.receipt() != null && !Arrays.equals(settlement.receipt().encode(), receipt.encode())) {
            throw new VerificationException("RECEIPT", other(settlement.receipt(), receipt), null);
        }
        if (level != null && settlement.level().compareTo(level) < 0) {
            throw new VerificationException(
                    "LEVEL",
                    "The answer is audited at level " + settlement.level() + ", and " + level + " was asked for.",
                    null);
        }
        return proof;
    }
}
