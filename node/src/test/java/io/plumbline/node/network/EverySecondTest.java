package io.plumbline.node.network;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class EverySecondTest {
    @Test
    void anErrorIsToldAndTheActionComesAgain() throws InterruptedException {
        CountDownLatch times = new CountDownLatch(2);
        Queue<Throwable> faults = new ConcurrentLinkedQueue<>();
        EverySecond action = new EverySecond(
                "test",
                () -> {
                    times.countDown();
                    throw new OutOfMemoryError("once");
                },
                faults::add);
        try {
            assertTrue(times.await(120, TimeUnit.SECONDS), "it is done again");
        } finally {
            action.close();
        }
        assertTrue(faults.peek() instanceof OutOfMemoryError, faults.toString());
    }
}
