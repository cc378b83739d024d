package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Receipt;
import java.util.List;

/**
 * One request's money and judgement.
 *
 * @param pricePerToken that the escrow is for.
 * @param tokens most that may be charged for.
 * @param fee set aside for the auditors.
 * @param reserved of the node's stake while the settlement is open.
 * @param openingMs that the audit may take beyond what every audit may.
 * @param level at which the requester wants the answer audited.
 * @param receipt null until one is ordered.
 * @param audit its deadline is when the settlement leaves the state, once it is closed.
 * @param height of the last change.
 */
public record Settlement(
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
        Audit audit,
        long height) {
    private static final int KEYS_BYTES = 3 * Bytes32.BYTES;

    /** Price, tokens, fee, reserve, opening time and height; level, status and the receipt's length. */
    private static final int NUMBERS_BYTES = 6 * Long.BYTES + 3 * Integer.BYTES;

    /** Where a request stands. */
    public enum Status {
        ESCROWED,
        /** A receipt is ordered; auditors commit to their verdicts. */
        AUDITING,
        /** Enough have committed; nobody may any more, and verdicts are revealed. */
        REVEALING,
        /** Good: the node has its price when the settlement leaves the state. */
        SETTLED,
        /** Proven false by evidence that the ledger has checked: the node has lost its stake. */
        SLASHED,
        /** Not found good: the requester has the escrow back, the node nothing. */
        REFUNDED
    }

    /** What is set aside for the answer: the price of all tokens. */
    public long escrow() {
        return pricePerToken * tokens;
    }

    /** Whether the escrow is still held. */
    public boolean isOpen() {
        return status == Status.ESCROWED || status == Status.AUDITING || status == Status.REVEALING;
    }

    /**
     * Money that is set aside for it: escrow and audit fee while it is open, and where it was found good the price,
     * which the node has when no evidence can come any more.
     */
    long held() {
        if (isOpen()) {
            return escrow() + fee;
        }
        return status == Status.SETTLED ? receipt.price() : 0;
    }

    /** Reasons of the bad verdicts: step and place. */
    public List<String> reasons() {
        return audit.verdicts().values().stream()
                .filter(verdict -> verdict.opinion() != Opinion.GOOD)
                .map(Verdict::reason)
                .toList();
    }

    Settlement with(Status next, Audit changed, long at) {
        return with(next, receipt, changed, at);
    }

    Settlement ordered(Receipt signed, Audit begun, long at) {
        return with(Status.AUDITING, signed, begun, at);
    }

    private Settlement with(Status next, Receipt signed, Audit changed, long at) {
        return new Settlement(
                requestHash,
                requester,
                node,
                pricePerToken,
                tokens,
                fee,
                reserved,
                openingMs,
                level,
                next,
                signed,
                changed,
                at);
    }

    /** Bytes that {@link #write} takes. */
    int bytes() {
        return KEYS_BYTES + NUMBERS_BYTES + (receipt == null ? 0 : Receipt.BYTES) + audit.bytes();
    }

    void write(CanonicalWriter out) {
        out.putBytes32(requestHash)
                .putBytes32(requester)
                .putBytes32(node)
                .putLong(pricePerToken)
                .putLong(tokens);
        out.putLong(fee).putLong(reserved).putLong(openingMs);
        out.putInt(level.ordinal()).putInt(status.ordinal());
        out.putBytes(receipt == null ? new byte[0] : receipt.encode());
        audit.write(out);
        out.putLong(height);
    }

    static Settlement read(CanonicalReader in) {
        Bytes32 request = in.getBytes32("request hash");
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
        Level level = level(in);
        int status = in.getInt("status");
        if (status < 0 || status >= Status.values().length) {
            throw new MalformedException("Malformed settlement: status " + status + " is not known.");
        }
        byte[] receipt = in.getBytes("receipt");
        Receipt signed = receipt.length == 0 ? null : Receipt.decode(receipt);
        Audit audit = Audit.read(in);
        return new Settlement(
                request,
                requester,
                node,
                price,
                tokens,
                fee,
                reserved,
                openingMs,
                level,
                Status.values()[status],
                signed,
                audit,
                in.getLong("height"));
    }

    /** A level that full nodes audit at. */
    static Level level(CanonicalReader in) {
        int level = in.getInt("level");
        if (level < 0 || level > Level.FULL.ordinal()) {
            throw new MalformedException("Malformed level: " + level + " is none that full nodes audit at.");
        }
        return Level.values()[level];
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter(bytes());
        write(out);
        return out.toBytes();
    }

    public static Settlement decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "settlement");
        Settlement decoded = read(in);
        in.end();
        return decoded;
    }
}
