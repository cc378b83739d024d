package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BatchQueueTest {
    /** Longer than any test may take. */
    private static final long ENDLESS_NS = TimeUnit.HOURS.toNanos(1);

    private static List<Integer> taken(BatchQueue<Integer> queue) throws InterruptedException {
        List<Integer> batch = new ArrayList<>();
        queue.take(batch);
        return batch;
    }

    @Test
    void theFirstComesAtOnceAndWhatFollowsFasterComesTogether() throws Exception {
        BatchQueue<Integer> queue = new BatchQueue<>(ENDLESS_NS, 100);
        queue.add(1);
        assertEquals(List.of(1), taken(queue));
        CompletableFuture<List<Integer>> next = new CompletableFuture<>();
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                next.complete(taken(queue));
            } catch (InterruptedException e) {
                next.completeExceptionally(e);
            }
        });
        queue.add(2);
        queue.add(3);
        while (reader.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        queue.add(4);
        assertFalse(next.isDone(), "they wait for the pause's end");
        queue.addUrgent(5);
        assertEquals(List.of(2, 3, 4, 5), next.get());
    }

    @Test
    void aReaderThatWaitsPastThePauseGetsEachElementAtOnce() throws Exception {
        BatchQueue<Integer> queue = new BatchQueue<>(0, 100);
        CompletableFuture<List<Integer>> first = new CompletableFuture<>();
        Thread reader = Thread.ofVirtual().start(() -> {
            try {
                first.complete(taken(queue));
            } catch (InterruptedException e) {
                first.completeExceptionally(e);
            }
        });
        while (reader.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        queue.add(1);
        assertEquals(List.of(1), first.get());
    }

    @Test
    void aBatchIsBoundedAndAFullOneWaitsForNothing() throws Exception {
        BatchQueue<Integer> queue = new BatchQueue<>(ENDLESS_NS, 100);
        queue.add(-1);
        taken(queue);
        IntStream.range(0, 250).forEach(queue::add);
        assertEquals(IntStream.range(0, 100).boxed().toList(), taken(queue));
        assertEquals(IntStream.range(100, 200).boxed().toList(), taken(queue));
        queue.addUrgent(250);
        assertEquals(IntStream.rangeClosed(200, 250).boxed().toList(), taken(queue));
    }

    @Test
    void whatIsUrgentIsSoUntilItIsTaken() throws Exception {
        BatchQueue<Integer> queue = new BatchQueue<>(ENDLESS_NS, 2);
        queue.add(0);
        taken(queue);
        queue.add(1);
        queue.add(2);
        queue.addUrgent(3);
        assertEquals(List.of(1, 2), taken(queue));
        assertEquals(List.of(3), taken(queue));
        queue.add(4);
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                taken(queue);
            } catch (InterruptedException e) {
                // As it should be.
            }
        });
        while (reader.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        assertTrue(reader.isAlive(), "the next pause is a whole one");
        reader.interrupt();
        reader.join();
    }
}
