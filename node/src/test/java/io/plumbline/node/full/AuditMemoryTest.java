package io.plumbline.node.full;

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
        assertTrue(name.equals(taken.poll(30, TimeUnit.SECONDS)), name + " was not next");
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
    void oneThatNeedsMoreThanThereIsRunsAlone() throws Exception {
        AuditMemory.Share alone = memory.take("node 4", 199, LATE);
        takeLater("small", 1);
        assertTrue(taken.poll(100, TimeUnit.MILLISECONDS) == null);
        alone.close();
        assertNext("small");
    }

    @Test
    void oneThatNoHeapLikeThisHoldsIsNotBegun() {
        IOException e = assertThrows(UnjudgeableException.class, () -> memory.take("node 7", 201, LATE));
        assertTrue(e.getMessage().contains("-Xmx"), e.getMessage());
    }

    @Test
    void aLargeAuditIsNotOvertaken() throws Exception {
        AuditMemory.Share first = memory.take("node 5", 50, LATE);
        takeLater("large", 80);
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
    }
}
