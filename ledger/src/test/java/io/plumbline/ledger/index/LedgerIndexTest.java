package io.plumbline.ledger.index;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.tree.MmrPeaks;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerIndexTest {
    private static final int BLOCKS = 37;

    @TempDir
    Path folder;

    private final List<Throwable> errors = new ArrayList<>();

    private static List<BlockHeader> headers() {
        List<BlockHeader> headers = new ArrayList<>();
        MmrPeaks range = new MmrPeaks();
        for (int i = 0; i < BLOCKS; i++) {
            BlockHeader header = new BlockHeader(i, Blake3.hash(new byte[] {(byte) i}), range.root(), i, i);
            headers.add(header);
            range.add(header.hash());
        }
        return headers;
    }

    private static Certificate signed(long epoch) {
        return new Certificate(epoch, new TreeMap<>());
    }

    /** Linux shows of every mapped file whether its name is gone. */
    @Test
    void itLeavesNoCopyOfItsLibrary() throws Exception {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.exists(maps), "This host does not tell what is mapped.");
        new LedgerIndex(folder, errors::add).close();
        List<String> mapped = Files.readAllLines(maps).stream()
                .filter(line -> line.contains("librocksdbjni") && line.contains(".so"))
                .toList();
        assertFalse(mapped.isEmpty());
        assertTrue(mapped.stream().allMatch(line -> line.endsWith("(deleted)")), mapped::toString);
    }

    @Test
    void everyBlockIsProvenByEveryLaterOneAcrossRestarts() throws IOException {
        List<BlockHeader> headers = headers();
        try (LedgerIndex index = new LedgerIndex(folder, errors::add)) {
            headers.subList(0, 20).forEach(header -> index.onCertified(header, signed(header.number())));
        }
        try (LedgerIndex index = new LedgerIndex(folder, errors::add)) {
            // What a replayed log tells again is there already.
            headers.forEach(header -> index.onCertified(header, signed(header.number())));
            assertEquals(BLOCKS, index.length());
            for (int later = 1; later < BLOCKS; later++) {
                for (int number = 0; number < later; number++) {
                    byte[] range = headers.get(later).range();
                    byte[] hash = headers.get(number).hash();
                    assertTrue(index.prove(number, later).shows(range, hash), number + " by " + later);
                    assertFalse(index.prove(number, later)
                            .shows(range, headers.get(later).hash()));
                }
            }
            assertArrayEquals(
                    headers.get(30).hash(), index.findBlock(30).header().hash());
            assertEquals(30, index.findBlock(30).certificate().epoch());
            assertNull(index.findBlock(BLOCKS));
            assertNull(index.findRequest(new byte[32]));
            assertThrows(IOException.class, () -> index.prove(5, 5));
        }
        assertEquals(List.of(), errors);
    }

    @Test
    void anIndexThatBeganInTheMiddleSaysWhatItCannotProve() throws IOException {
        try (LedgerIndex index = new LedgerIndex(folder, errors::add)) {
            headers().subList(5, 9).forEach(header -> index.onCertified(header, signed(0)));
            assertEquals(7, index.findBlock(7).header().number());
            assertEquals(0, index.length());
            String why =
                    assertThrows(IOException.class, () -> index.prove(5, 8)).getMessage();
            assertTrue(why.contains("cannot prove 5 by 8"), why);
        }
        assertEquals(List.of(), errors);
    }

    @Test
    void aCopyGoesInThePlaceOfALostOne() throws IOException {
        List<BlockHeader> headers = headers();
        Path copy = folder.resolve("copy");
        try (LedgerIndex index = new LedgerIndex(folder.resolve("whole"), errors::add)) {
            headers.subList(0, 20).forEach(header -> index.onCertified(header, signed(header.number())));
            index.copyTo(copy);
            headers.subList(20, 30).forEach(header -> index.onCertified(header, signed(header.number())));
            assertTrue(assertThrows(IOException.class, () -> index.copyTo(copy))
                    .getMessage()
                    .contains("exists"));
            assertEquals(30, index.length());
        }
        // Its full node began from a snapshot that is older than the copy.
        try (LedgerIndex index = new LedgerIndex(copy, errors::add)) {
            assertEquals(20, index.length());
            headers.subList(15, BLOCKS).forEach(header -> index.onCertified(header, signed(header.number())));
            assertEquals(BLOCKS, index.length());
            assertTrue(index.prove(3, 36)
                    .shows(headers.get(36).range(), headers.get(3).hash()));
        }
        assertEquals(List.of(), errors);
    }
}
