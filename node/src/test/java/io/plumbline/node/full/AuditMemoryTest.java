package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.UnjudgeableException;
import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AuditMemoryTest {
    private static final Deadline LATE = Deadline.after(60_000);

    private final AuditMemory memory = new AuditMemory(100);
    private final BlockingQueue<String> taken = new LinkedBlockingQueue<>();

    private void takeLater(String name, long bytes) {
        Thread.startVirtualThread(() -> {
            try (AuditMemory.Share _ = memory.take("node 1", bytes, LATE)) {
                taken.add(name);
            } catch (IOException e) {
                taken.add(e.getMessage());
            }
        });
    }

    private void assertNext(String name) throws InterruptedException {
        assertTrue(name.equals(taken.poll(120, TimeUnit.SECONDS)), name + " was not next");
    }

    @Test
    void anAuditWaitsUntilOthersHaveGivenBackWhatItNeeds() throws Exception {
        AuditMemory.Share first = memory.take("node 2", 60, LATE);
        takeLater("second", 60);
        IOException e = assertThrows(UnjudgeableException.class, () -> memory.take("node 3", 60, Deadline.after(50)));
        assertTrue(e.getMessage().contains("memory"), e.getMessage());
        assertTrue(taken.isEmpty());
        first.close();
        assertNext("second");
    }

    @Test
    void thereIsOneLargeAuditAtATimeAndSmallOnesGoOnBesideIt() throws Exception {
        AuditMemory.Share large = memory.take("node 4", 199, LATE);
        IOException e = assertThrows(UnjudgeableException.class, () -> memory.take("node 8", 60, Deadline.after(50)));
        assertTrue(e.getMessage().contains("memory"), e.getMessage());
        takeLater("small", 1);
        assertNext("small");
        large.close();
        memory.take("node 8", 60, LATE).close();
    }

    /** A node that drips one answer has its next one wait: for that one, and not everybody for both. */
    @Test
    void whoWaitsForItsOwnNodesAuditHoldsUpNobodyElse() throws Exception {
        AuditMemory.Share dripping = memory.take("node 9", 20, LATE);
        Thread.startVirtualThread(() -> {
            try {
                memory.take("node 9", 20, LATE);
            } catch (IOException e) {
                taken.add(e.getMessage());
            }
        });
        Thread.sleep(50);
        for (int i = 0; i < 200; i++) {
            memory.take("node " + (10 + i), 10, LATE).close();
        }
        dripping.close();
        assertTrue(taken.isEmpty());
    }

    @Test
    void oneThatNoHeapLikeThisHoldsIsNotBegun() {
        IOException e = assertThrows(UnjudgeableException.class, () -> memory.take("node 7", 201, LATE));
        assertTrue(e.getMessage().contains("-Xmx"), e.getMessage());
    }

    @Test
    void aLargeAuditIsNotOvertaken() throws Exception {
        AuditMemory.Share first = memory.take("node 5", 50, LATE);
        AuditMemory.Share second = memory.take("node 5b", 10, LATE);
        takeLater("large", 50);
        while (true) {
            // Until the large one waits, a small one is served.
            try (AuditMemory.Share _ = memory.take("node 6", 10, Deadline.after(20))) {
                Thread.onSpinWait();
            } catch (UnjudgeableException e) {
                break;
            }
        }
        first.close();
        assertNext("large");
        second.close();
    }

    /** It does not wait for what it would need more: two that hold some would wait for each other for ever. */
    @Test
    void aShareGrowsWhereThereIsRoomAndElseStaysAsItIs() throws Exception {
        AuditMemory.Share first = memory.take("node 2", 20, LATE);
        AuditMemory.Share second = memory.take("node 3", 40, LATE);
        AuditMemory.Share third = memory.take("node 5", 20, LATE);
        assertFalse(first.grow(61), "a large one has half, and 20 are left");
        assertTrue(first.grow(40));
        takeLater("next", 20);
        assertNull(taken.poll(100, TimeUnit.MILLISECONDS));
        first.close();
        assertNext("next");
        second.close();
        third.close();
        memory.take("node 4", 50, LATE).close();
    }
}
