package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The ledger bounds the bytes of all requests: what it counts is what they have. */
class SettlementTest {
    private static final byte[] HASH = new byte[32];

    private final List<Bytes32> auditors =
            Stream.generate(() -> KeyPair.random().publicKey()).limit(3).toList();

    private static Settlement of(Audit audit) {
        Settlement escrowed = new Settlement(
                Bytes32.ZERO,
                Bytes32.ZERO,
                Money.NODE.publicKey(),
                1,
                9,
                0,
                0,
                0,
                Level.FULL,
                Status.ESCROWED,
                null,
                Audit.NONE,
                1);
        return audit == null ? escrowed : escrowed.ordered(Money.receipt(1, 5), audit, 2);
    }

    private static void assertCounted(Settlement one) {
        assertEquals(one.encode().length, one.bytes());
        assertEquals(one.bytes(), Settlement.decode(one.encode()).bytes());
    }

    @Test
    void bytesAreCountedAsTheyAreWritten() {
        assertCounted(of(null));
        Audit audit = Audit.begun(HASH, auditors, 5);
        assertCounted(of(audit));
        audit = audit.posted(auditors.get(2), new Cell(1, 2, 3), 6);
        assertCounted(of(audit));
        audit = audit.committed(auditors.get(0), HASH).committed(auditors.get(1), HASH);
        assertCounted(of(audit));
        audit = audit.revealed(auditors.get(0), new Verdict(Opinion.GOOD, "", "", HASH, HASH));
        assertCounted(of(audit));
        // Texts count by their UTF-8.
        audit = audit.revealed(
                auditors.get(1), new Verdict(Opinion.BAD, "SCORES", "layer 1, \u00e9\u4e2d\ud83d\ude42", HASH, HASH));
        assertCounted(of(audit));
    }
}
