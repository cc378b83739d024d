package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.List;

/**
 * The ledger's entry on one request as a verifier reads it: its escrow, its receipt, what auditors said and how it
 * ended. Money is in the ledger's smallest unit. The state machine has a reader of its own: checker and checked share
 * no code here.
 *
 * @param requestHash 32 bytes.
 * @param requester public key that pays.
 * @param node public key that answers.
 * @param tokens most that may be charged for; its product with {@code pricePerToken} is the escrow.
 * @param fee set aside for the auditors.
 * @param reserved of the node's stake while the audit is open.
 * @param openingMs that the audit may take beyond what every audit may.
 * @param level at which the answer is audited.
 * @param receipt null until one is ordered.
 * @param verdicts that were revealed, in the order in which they stand there.
 * @param deadlineMs cluster time at which its phase ends; of a settlement that is closed, when it leaves the state.
 * @param height of the last change, in commands.
 */
public record CertifiedSettlement(
        Bytes32 requestHash,
        Bytes32 requester,
        Bytes32 node,
        long pricePerToken,
        long tokens,
        long fee,
        long reserved,
        long openingMs,
        Level level,
        Status status,
        Receipt receipt,
        List<Verdict> verdicts,
        long deadlineMs,
        long height) {
    private static final int MAX_AUDITORS = 1024;
    private static final int MAX_STEP = 64;
    private static final int MAX_PLACE = 256;

    /** Where a request stands. */
    public enum Status {
        /** The escrow is there, a receipt is not. */
        ESCROWED,
        /** A receipt is ordered; auditors commit to their verdicts. */
        AUDITING,
        /** Verdicts are revealed. */
        REVEALING,
        /** Found good: the node has its price when no evidence can come any more. */
        SETTLED,
        /** Proven false by evidence: the node has lost its stake. */
        SLASHED,
        /** Not found good: the requester has the escrow back, the node nothing. */
        REFUNDED;

        /** Whether the escrow is still held. */
        public boolean isOpen() {
            return this == ESCROWED || this == AUDITING || this == REVEALING;
        }
    }

    /** An auditor's judgement of an answer. */
    public enum Opinion {
        GOOD,
        BAD,
        /** This auditor could not say, for reasons of its own. */
        CANNOT_JUDGE,
        /** The node did not answer a challenge, or not as it signed. */
        SILENT
    }

    /**
     * An auditor's verdict.
     *
     * @param auditor its public key.
     * @param step that failed, by name, or why it cannot be judged; empty when good.
     * @param place where it failed, for a person; empty when good.
     */
    public record Verdict(Bytes32 auditor, Opinion opinion, String step, String place) {}

    /**
     * Reads the value of an entry.
     *
     * @throws MalformedException where it is none.
     */
    public static CertifiedSettlement decode(byte[] value) {
        CanonicalReader in = new CanonicalReader(value, "settlement");
        Bytes32 requestHash = in.getBytes32("request hash");
        Bytes32 requester = in.getBytes32("requester");
        Bytes32 node = in.getBytes32("node");
        long price = in.getLong("price");
        long tokens = in.getLong("tokens");
        if (price < 0 || tokens < 0 || Math.multiplyHigh(price, tokens) != 0 || price * tokens < 0) {
            throw new MalformedException("Malformed settlement: an escrow of " + tokens + " tokens at " + price + ".");
        }
        long fee = in.getLong("fee");
        long reserved = in.getLong("reserved stake");
        long openingMs = in.getLong("opening time");
        Level level = Level.values()[within(in, "level", Level.FULL.ordinal() + 1)];
        Status status = Status.values()[within(in, "status", Status.values().length)];
        byte[] signed = in.getBytes("receipt");
        Receipt receipt = signed.length == 0 ? null : Receipt.decode(signed);
        List<Verdict> verdicts = audit(in);
        CertifiedSettlement settlement = new CertifiedSettlement(
                requestHash,
                requester,
                node,
                price,
                tokens,
                fee,
                reserved,
                openingMs,
                level,
                status,
                receipt,
                verdicts,
                in.getLong("deadline"),
                in.getLong("height"));
        in.end();
        return settlement;
    }

    /** Reads the audit, of which the verdicts stay. */
    private static List<Verdict> audit(CanonicalReader in) {
        in.getFixed(Blake3.HASH_BYTES, "beacon");
        int count = within(in, "auditors", MAX_AUDITORS + 1);
        List<Bytes32> auditors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            auditors.add(in.getBytes32("auditor"));
        }
        in.getInt("round");
        for (int n = within(in, "posted", count + 1); n > 0; n--) {
            within(in, "auditor's place", count);
            Cells.read(in);
        }
        for (int n = within(in, "commitments", count + 1); n > 0; n--) {
            within(in, "auditor's place", count);
            in.getFixed(Blake3.HASH_BYTES, "commitment");
        }
        List<Verdict> verdicts = new ArrayList<>();
        for (int n = within(in, "verdicts", count + 1); n > 0; n--) {
            verdicts.add(verdict(in, auditors.get(within(in, "auditor's place", count))));
        }
        return List.copyOf(verdicts);
    }

    private static Verdict verdict(CanonicalReader in, Bytes32 auditor) {
        Opinion opinion = Opinion.values()[within(in, "opinion", Opinion.values().length)];
        Verdict verdict = new Verdict(auditor, opinion, in.getText("step"), in.getText("place"));
        in.getFixed(Blake3.HASH_BYTES, "work");
        in.getFixed(Blake3.HASH_BYTES, "salt");
        if (verdict.step.length() > MAX_STEP || verdict.place.length() > MAX_PLACE) {
            throw new MalformedException("Malformed settlement: a verdict's reason is too long.");
        }
        return verdict;
    }

    /** A number from 0 to below {@code end}. */
    private static int within(CanonicalReader in, String field, int end) {
        int value = in.getInt(field);
        if (value < 0 || value >= end) {
            throw new MalformedException("Malformed settlement: " + field + " is " + value + ".");
        }
        return value;
    }
}
