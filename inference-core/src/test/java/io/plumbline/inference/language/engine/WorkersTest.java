package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WorkersTest {
    /** More threads than processors, so that some are late: their job is over, and the next one has begun. */
    @Test
    void everyTaskOfEveryJobIsDoneOnceAndBeforeTheJobReturns() {
        Random random = new Random(3);
        try (Workers workers = new Workers(2 + Runtime.getRuntime().availableProcessors())) {
            for (int job = 0; job < 100_000; job++) {
                int count = 1 + random.nextInt(9);
                AtomicIntegerArray times = new AtomicIntegerArray(count);
                int[] plain = new int[count];
                int value = job;
                workers.run(count, (worker, index) -> {
                    assertTrue(worker >= 0 && worker < workers.count());
                    times.incrementAndGet(index);
                    plain[index] = value;
                });
                for (int i = 0; i < count; i++) {
                    assertEquals(1, times.get(i), "job " + job);
                    assertEquals(job, plain[i], "what a task wrote is there when the job is over");
                }
                if (job % 5_000 == 0) {
                    // Long enough for the others to park.
                    LockSupport.parkNanos(2_000_000);
                }
            }
        }
    }

    @Test
    void aTaskThatFailsFailsItsJobAndNoOther() {
        try (Workers workers = new Workers(3)) {
            for (int job = 0; job < 300; job++) {
                IllegalStateException failed = assertThrows(
                        IllegalStateException.class,
                        () -> workers.run(20, (worker, index) -> {
                            if (index == 7) {
                                throw new IllegalStateException("seven");
                            }
                        }));
                assertEquals("seven", failed.getMessage());
                AtomicIntegerArray times = new AtomicIntegerArray(20);
                workers.run(20, (worker, index) -> times.incrementAndGet(index));
                for (int i = 0; i < 20; i++) {
                    assertEquals(1, times.get(i));
                }
            }
        }
    }
}
