package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AuditQueueTest {
    private final ConcurrentLinkedQueue<String> ran = new ConcurrentLinkedQueue<>();
    private final ConcurrentHashMap<String, Long> ranks = new ConcurrentHashMap<>();

    private AuditQueue.Audit audit(String name, long rank, CountDownLatch until) {
        ranks.put(name, rank);
        return new AuditQueue.Audit() {
            @Override
            public long rank() {
                return ranks.get(name);
            }

            @Override
            public void run() {
                ran.add(name);
                try {
                    until.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
    }

    private void awaitRan(int count) throws InterruptedException {
        for (int i = 0; i < 10_000 && ran.size() < count; i++) {
            Thread.sleep(1);
        }
        assertEquals(count, ran.size(), ran.toString());
    }

    @Test
    void theMostUrgentGoesFirstAndWhatNobodyWantsGoesUnrun() throws InterruptedException {
        AuditQueue<String> queue = new AuditQueue<>(4, 1);
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch none = new CountDownLatch(0);
        queue.add("node", audit("first", 50, first));
        awaitRan(1);
        queue.add("node", audit("late", 40, none));
        queue.add("node", audit("over", 10, none));
        queue.add("node", audit("soon", 30, none));
        queue.add("node", audit("turned", 90, none));
        // What was urgent is over when its turn comes, and what was not has become so.
        ranks.put("over", AuditQueue.Audit.UNWANTED);
        ranks.put("turned", 20L);
        first.countDown();
        awaitRan(4);
        assertEquals(List.of("first", "turned", "soon", "late"), List.copyOf(ran));
        assertEquals(0, queue.waiting());
        assertTrue(queue.close(TimeUnit.SECONDS.toMillis(10)));
    }

    @Test
    void aNodeThatKeepsItsAuditorsWaitingHoldsUpNoOther() throws InterruptedException {
        AuditQueue<String> queue = new AuditQueue<>(4, 2);
        CountDownLatch never = new CountDownLatch(1);
        for (int i = 0; i < 5; i++) {
            queue.add("slow", audit("slow" + i, i, never));
        }
        awaitRan(2);
        CountDownLatch none = new CountDownLatch(0);
        for (int i = 0; i < 5; i++) {
            queue.add("quick", audit("quick" + i, i, none));
        }
        awaitRan(7);
        assertEquals(3, queue.waiting());
        never.countDown();
        awaitRan(10);
        assertTrue(queue.close(TimeUnit.SECONDS.toMillis(10)));
    }
}
