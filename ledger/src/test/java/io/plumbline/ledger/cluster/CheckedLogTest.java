package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.ledger.BlockHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was checked before a start is not checked again, and only where the log is the same. */
class CheckedLogTest {
    @TempDir
    Path folder;

    private static BlockHeader block(long height, int root) {
        byte[] state = new byte[32];
        state[0] = (byte) root;
        return new BlockHeader(height, state, new byte[32], height, 0);
    }

    /** Ten commands with a signature each, of which that of the fourth does not hold, and two blocks. */
    private static int apply(CheckedLog log, int root) {
        int[] checks = {0};
        for (int height = 1; height <= 10; height++) {
            boolean holds = height != 4;
            assertEquals(holds, log.holds(height, 0, () -> {
                checks[0]++;
                return holds;
            }));
            if (height % 5 == 0) {
                log.onBlock(block(height, root));
            }
        }
        return checks[0];
    }

    @Test
    void theSameLogIsNotCheckedAgain() {
        assertEquals(10, apply(new CheckedLog(folder, 0), 1));
        assertEquals(0, apply(new CheckedLog(folder, 0), 1));
        CheckedLog third = new CheckedLog(folder, 0);
        apply(third, 1);
        assertTrue(third.holds(11, 0, () -> true), "what is new is checked");
        assertFalse(third.holds(12, 0, () -> false));
        third.onBlock(block(12, 1));
        assertFalse(new CheckedLog(folder, 0).holds(12, 0, () -> true), "and remembered");
    }

    @Test
    void anotherLogIsRefusedAndThenCheckedWhole() {
        apply(new CheckedLog(folder, 0), 1);
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> apply(new CheckedLog(folder, 0), 2));
        assertTrue(e.getMessage().contains("Start this full node again"), e.getMessage());
        assertEquals(10, apply(new CheckedLog(folder, 0), 2));
    }

    @Test
    void aBlockThatIsMissingIsAnotherLog() {
        apply(new CheckedLog(folder, 0), 1);
        CheckedLog log = new CheckedLog(folder, 0);
        assertThrows(IllegalStateException.class, () -> log.onBlock(block(11, 1)));
    }

    @Test
    void whatASnapshotHasIsForgotten() throws IOException {
        apply(new CheckedLog(folder, 0), 1);
        CheckedLog log = new CheckedLog(folder, 5);
        assertEquals(10, log.until());
        assertEquals(0, Files.size(folder.resolve("checked.unheld")));
        assertEquals(0, new CheckedLog(folder, 10).until());
    }

    @Test
    void whatIsDamagedIsCheckedAgain() throws IOException {
        apply(new CheckedLog(folder, 0), 1);
        byte[] mark = Files.readAllBytes(folder.resolve(CheckedLog.FILE));
        mark[20] ^= 1;
        Files.write(folder.resolve(CheckedLog.FILE), mark);
        assertEquals(10, apply(new CheckedLog(folder, 0), 1));
        CheckedLog.forget(folder);
        assertEquals(10, apply(new CheckedLog(folder, 0), 1));
    }
}
