package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class FairQueueTest {
    private final List<String> done = new CopyOnWriteArrayList<>();

    private void awaitDone(int count) throws InterruptedException {
        for (int i = 0; i < 10_000 && done.size() < count; i++) {
            Thread.sleep(1);
        }
        assertEquals(count, done.size(), done.toString());
    }

    private static Runnable blocked(CountDownLatch begun, CountDownLatch until) {
        return () -> {
            begun.countDown();
            try {
                until.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
    }

    /** A stranger with a thousand keys waits behind its own work, as one with one key does. */
    @Test
    void theKeysOfOneHostHaveOneTurnAndFullNodesTheirOwn() {
        Bytes32 full = KeyPair.random().publicKey();
        Set<Bytes32> turns = new HashSet<>();
        for (int i = 0; i < 1_000; i++) {
            turns.add(NodeResponder.turn(KeyPair.random().publicKey(), 7, full::equals));
        }
        assertEquals(1, turns.size());
        assertTrue(turns.add(NodeResponder.turn(KeyPair.random().publicKey(), 8, full::equals)));
        assertEquals(full, NodeResponder.turn(full, 7, full::equals));
    }

    @Test
    void whoAsksForMuchWaitsBehindItsOwn() throws InterruptedException {
        try (FairQueue<String> queue = new FairQueue<>("test", 1, 100, 1 << 20, "full node"::equals)) {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            assertTrue(queue.offer("greedy", 1, blocked(begun, until)));
            begun.await();
            for (int i = 0; i < 100; i++) {
                assertTrue(queue.offer("greedy", 1, () -> done.add("greedy")));
            }
            assertFalse(queue.offer("greedy", 1, () -> done.add("too much")));
            assertTrue(queue.offer("modest", 1, () -> done.add("modest")));
            assertTrue(queue.offer("full node", 1, () -> done.add("full node")));
            assertTrue(queue.offer("full node", 1, () -> done.add("full node")));
            until.countDown();
            awaitDone(103);
            assertEquals(List.of("full node", "full node"), done.subList(0, 2));
            assertTrue(done.subList(2, 4).contains("modest"), done.subList(0, 6).toString());
        }
    }

    @Test
    void bytesThatWaitAreBoundedAndFreeAgain() throws InterruptedException {
        try (FairQueue<String> queue = new FairQueue<>("test", 2, 100, 1000, peer -> false)) {
            CountDownLatch first = new CountDownLatch(1);
            CountDownLatch second = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            assertTrue(queue.offer("a", 5_000, blocked(first, until)), "one piece fits whatever its size");
            first.await();
            assertTrue(queue.offer("b", 900, blocked(second, until)));
            second.await();
            assertTrue(queue.offer("a", 900, () -> done.add("a")));
            assertFalse(queue.offer("c", 101, () -> done.add("c")));
            assertTrue(queue.offer("c", 100, () -> done.add("c")));
            until.countDown();
            awaitDone(2);
            assertTrue(queue.offer("c", 900, () -> done.add("c")));
            awaitDone(3);
        }
    }

    @Test
    void workThatFailsEndsNoThread() throws InterruptedException {
        try (FairQueue<String> queue = new FairQueue<>("test", 1, 100, 1000, peer -> false)) {
            assertTrue(queue.offer("a", 1, () -> {
                throw new IllegalStateException("as it happens");
            }));
            assertTrue(queue.offer("a", 1, () -> done.add("next")));
            awaitDone(1);
        }
    }

    @Test
    void workThatFindsNoMemoryEndsNoThread() throws InterruptedException {
        try (FairQueue<String> queue = new FairQueue<>("test", 1, 100, 1 << 20, peer -> false)) {
            assertTrue(queue.offer("one", 1, () -> {
                throw new OutOfMemoryError("as if");
            }));
            assertTrue(queue.offer("two", 1, () -> done.add("two")));
            awaitDone(1);
        }
    }
}
