package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Arrays;
import java.util.List;

/** Settlements as a ledger comes to them, of one receipt and always the same bytes. */
public final class SettlementSamples {
    private static final long PRICE = 10;
    private static final long TOKENS = 64;
    private static final long FEE = 8;

    private SettlementSamples() {}

    /** A request whose node owes its receipt. */
    public static Settlement escrowed(Bytes32 requestHash, Bytes32 requester, Bytes32 node) {
        return new Settlement(
                requestHash,
                requester,
                node,
                PRICE,
                TOKENS,
                FEE,
                4 * PRICE * TOKENS,
                0,
                Level.AUDITED,
                Status.ESCROWED,
                null,
                Audit.NONE,
                40);
    }

    /** Judged good by all auditors. */
    public static Settlement settled(Receipt receipt, Bytes32 requester, List<KeyPair> auditors) {
        return judged(
                receipt, requester, Status.SETTLED, auditors, new Verdict(Opinion.GOOD, "", "", bytes(7), bytes(8)));
    }

    /** Judged bad by all auditors, after one of them has posted a challenge. */
    public static Settlement refunded(Receipt receipt, Bytes32 requester, List<KeyPair> auditors) {
        Verdict bad = new Verdict(Opinion.BAD, "QKV", "layer 1, token 0", new byte[32], bytes(8));
        return judged(receipt, requester, Status.REFUNDED, auditors, bad);
    }

    private static Settlement judged(
            Receipt receipt, Bytes32 requester, Status status, List<KeyPair> auditors, Verdict verdict) {
        List<Bytes32> keys = auditors.stream().map(one -> one.publicKey()).toList();
        Audit audit = Audit.begun(bytes(9), keys, 1_764_000_060_000L);
        if (verdict.opinion() == Opinion.BAD) {
            audit = audit.posted(keys.getFirst(), new Cell(1, 0, 8), 1_764_000_090_000L);
        }
        for (Bytes32 key : keys) {
            byte[] commitment = verdict.commitment(receipt.requestHash(), audit.round(), key);
            audit = audit.committed(key, commitment).revealed(key, verdict);
        }
        return escrowed(receipt.requestHash(), requester, receipt.node())
                .ordered(receipt, audit, 41)
                .with(status, audit, 50);
    }

    private static byte[] bytes(int value) {
        byte[] bytes = new byte[32];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }
}
