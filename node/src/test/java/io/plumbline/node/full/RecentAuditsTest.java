package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.full.AnswerAuditor.Finding;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** A full node's page remembers answers: bounded, shortened, and a lie for longer than what is good. */
class RecentAuditsTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final Event.ExactWork WORK = new Event.ExactWork(3, 40, 30, 20, 10, 1.5);

    private final RecentAudits recent = new RecentAudits();

    private static byte[] request(int number) {
        return Blake3.hash(ByteBuffer.allocate(4).putInt(number).array());
    }

    /** An answer of 10 and 5 tokens that one auditor judges, as the ledger has it at a height. */
    private static Settlement settlement(int number, Status status, long height) {
        Receipt receipt = new Receipt(
                        1,
                        Bytes32.ZERO,
                        Bytes32.of(request(number)),
                        new byte[32],
                        new byte[32],
                        0,
                        10,
                        5,
                        30,
                        null,
                        null)
                .sign(NODE);
        return Settlement.decode(new CanonicalWriter()
                .putFixed(request(number))
                .putFixed(new byte[32])
                .putBytes32(NODE.publicKey())
                .putLong(2)
                .putLong(15)
                .putLong(0)
                .putLong(0)
                .putLong(0)
                .putInt(Level.FULL.ordinal())
                .putInt(status.ordinal())
                .putBytes(receipt.encode())
                .putFixed(new byte[32])
                .putInt(1)
                .putFixed(new byte[32])
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putLong(7_000)
                .putLong(height)
                .toBytes());
    }

    private static AskedCells asked(int cells) {
        AskedCells asked = new AskedCells();
        asked.begin(3);
        for (int i = 0; i < cells; i++) {
            asked.add(new Cell(i % 4, i, i + 1));
        }
        return asked;
    }

    private static Finding good() {
        return new Finding(null, new byte[32], null, false, WORK);
    }

    private static Finding lie(Step step, String detail) {
        return new Finding(new Failure(step, 1, 2, detail), new byte[32], new byte[100], true, WORK);
    }

    @Test
    void answersWithoutEndAreKeptToANumberAndGoByTheBeginningOfTheirHashes() {
        for (int i = 0; i < 3 * RecentAudits.MAX_KEPT; i++) {
            recent.changed(settlement(i, Status.AUDITING, i));
            recent.audited(settlement(i, Status.AUDITING, i), asked(200), good());
            recent.changed(settlement(i, Status.SLASHED, i));
        }
        assertEquals(RecentAudits.MAX_KEPT, recent.answers().size());
        assertEquals(RecentAudits.MAX_KEPT, recent.audits().size());
        assertEquals(RecentAudits.MAX_KEPT, recent.slashes().size());
        JsonNode newest = recent.audits().path(0);
        assertEquals(AskedCells.MAX_KEPT, newest.path("cells").size());
        assertEquals(200, newest.path("cells_asked").asInt());
        assertEquals("[3,199,200]", newest.path("last").toString());
        assertEquals(14, newest.path("tokens").asInt(), "the last token is never fed back");
        String all = recent.answers().toString() + recent.audits() + recent.slashes();
        for (int i = 2 * RecentAudits.MAX_KEPT; i < 3 * RecentAudits.MAX_KEPT; i++) {
            String hash = Blake3.hex(request(i));
            assertTrue(all.contains(hash.substring(0, 8)));
            assertFalse(all.contains(hash.substring(0, 9)), "by the whole of it the answer could be had");
        }
    }

    @Test
    void aLieStaysAndStandsFirstWhenManyGoodAnswersHaveCome() {
        recent.audited(settlement(0, Status.AUDITING, 1), asked(5), lie(Step.QKV, "another matrix"));
        for (int i = 1; i < 2 * RecentAudits.MAX_KEPT; i++) {
            recent.audited(settlement(i, Status.AUDITING, i), asked(5), good());
        }
        JsonNode first = recent.audits().path(0);
        assertEquals("BAD", first.path("verdict").asText());
        assertEquals("layer 1, token 2", first.path("fault").path("place").asText());
        assertEquals("another matrix", first.path("fault").path("detail").asText());
        assertEquals(100, first.path("fault").path("evidence_bytes").asInt());
        JsonNode quality = recent.quality().section().path(NODE.publicKey().toString());
        assertEquals(1, quality.path("faults").asInt());
        assertEquals(2 * RecentAudits.MAX_KEPT, quality.path("audits").asInt());
    }

    @Test
    void whatAFaultQuotesOfTheTextIsNotShown() {
        recent.audited(settlement(0, Status.AUDITING, 1), asked(0), lie(Step.TEXT, "the answer says: my secret"));
        assertFalse(recent.audits().toString().contains("secret"));
    }

    @Test
    void anOutcomeIsCertifiedByABlockThatHasIt() {
        recent.live();
        recent.changed(settlement(0, Status.AUDITING, 10));
        recent.changed(settlement(0, Status.SETTLED, 20));
        recent.certified(new BlockHeader(4, new byte[32], new byte[32], 19, 0));
        assertEquals(-1, recent.answers().path(0).path("block").asInt(), "that block was closed before");
        recent.certified(new BlockHeader(5, new byte[32], new byte[32], 25, 0));
        recent.certified(new BlockHeader(6, new byte[32], new byte[32], 30, 0));
        JsonNode answer = recent.answers().path(0);
        assertEquals(5, answer.path("block").asInt());
        assertEquals(7_000, answer.path("pays_ms").asInt());
        assertTrue(answer.path("ordered_ms").asLong() > 0
                && answer.path("certified_ms").asLong() > 0);
    }

    @Test
    void whatWasBeforeThisStartHasNoTime() {
        recent.changed(settlement(0, Status.SETTLED, 20));
        assertEquals(0, recent.answers().path(0).path("closed_ms").asLong());
    }
}
