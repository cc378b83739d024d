package io.plumbline.node.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.Node;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import java.nio.ByteBuffer;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A page is told a bounded part of the ledger, however much strangers have put there. */
class SectionBoundsTest {
    private static byte[] key(int number) {
        return ByteBuffer.allocate(32).putInt(number).array();
    }

    @Test
    void nodesWithoutEndAreToldAndRememberedToANumber() {
        AtomicLong clock = new AtomicLong(1_000);
        NodeQuality quality = new NodeQuality(clock::get);
        for (int i = 0; i < 3 * NodeQuality.MAX_NODES; i++) {
            quality.audited(Bytes32.of(key(i)), true, 1, 2, 3, 4);
            clock.incrementAndGet();
        }
        JsonNode section = quality.section();
        assertEquals(LedgerSections.MAX_ROWS, section.size());
        quality.audited(Bytes32.of(key(3 * NodeQuality.MAX_NODES - 1)), false, 1, 2, 3, 4);
        quality.audited(Bytes32.of(key(0)), true, 5, 6, 7, 8);
        JsonNode forgotten = quality.section().path("00000000" + "0".repeat(56));
        assertEquals(1, forgotten.path("audits").asInt(), "it was forgotten, and begins anew");
        JsonNode last = quality.section().path(String.format("%08x", 3 * NodeQuality.MAX_NODES - 1) + "0".repeat(56));
        assertEquals(2, last.path("audits").asInt());
        assertEquals(1, last.path("faults").asInt());
        assertEquals(4, last.path("rows").asInt());
    }

    @Test
    void theNewestBlocksAreKeptAndNoneTwice() {
        RecentBlocks blocks = new RecentBlocks();
        for (int i = 0; i < 3 * RecentBlocks.MAX_BLOCKS; i++) {
            BlockHeader header = new BlockHeader(i, new byte[32], new byte[32], 10L * i, i);
            assertTrue(blocks.add(header, new Certificate(0, new TreeMap<>())));
            assertFalse(blocks.add(header, new Certificate(0, new TreeMap<>())));
        }
        JsonNode section = blocks.section();
        assertEquals(RecentBlocks.MAX_BLOCKS, section.size());
        assertEquals(
                3 * RecentBlocks.MAX_BLOCKS - 1, section.path(0).path("number").asInt());
    }

    @Test
    void textsOfStrangersAreCutAndLoseWhatTurnsOthersAround() {
        Node node = new Node(
                Bytes32.of(key(1)),
                Bytes32.of(key(2)),
                3,
                "\u202eevil\u0000\n" + "x".repeat(5_000),
                80,
                Level.FULL,
                0,
                false,
                0);
        String address =
                LedgerSections.node(node, new Account(1, 2)).path("address").asText();
        assertTrue(address.length() < 300, address);
        assertTrue(address.chars().noneMatch(c -> c < ' ' || c == 0x202e), address);
    }
}
