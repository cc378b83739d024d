package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
@SuppressWarnings("try") // watchdogs only have to be there
class EngineWatchdogTest {
    private final AtomicLong steps = new AtomicLong();
    private final CountDownLatch probes = new CountDownLatch(3);
    private final CompletableFuture<Throwable> failed = new CompletableFuture<>();

    private EngineWatchdog watch(Supplier<CompletableFuture<?>> probe) {
        EngineWatchdog.Probed engine = new EngineWatchdog.Probed() {
            @Override
            public long steps() {
                return steps.get();
            }

            @Override
            public CompletableFuture<?> probe() {
                probes.countDown();
                return probe.get();
            }
        };
        return new EngineWatchdog(engine, failed, 5, 100);
    }

    private CompletableFuture<?> computed() {
        steps.incrementAndGet();
        return CompletableFuture.completedFuture(null);
    }

    @Test
    void anIdleEngineIsProbedAgainAndAgain() throws Exception {
        try (EngineWatchdog watchdog = watch(this::computed)) {
            probes.await();
            assertTrue(watchdog.hasAnswered());
            assertFalse(failed.isDone());
        }
    }

    @Test
    void anEngineThatEndsNoStepIsTakenForDead() {
        try (EngineWatchdog watchdog = watch(CompletableFuture::new)) {
            assertTrue(failed.join().getMessage().contains("Nothing has been computed"));
        }
    }

    @Test
    void oneThatTurnsTheProbeAwayAndStandsStillIsTakenForDead() {
        try (EngineWatchdog watchdog = watch(() -> {
            throw new RejectedExecutionException("busy");
        })) {
            assertTrue(failed.join().getMessage().contains("Nothing has been computed"));
        }
    }

    @Test
    void oneThatTurnsTheProbeAwayAndGoesOnIsNot() throws Exception {
        try (EngineWatchdog watchdog = watch(() -> {
            steps.incrementAndGet();
            throw new RejectedExecutionException("busy");
        })) {
            probes.await();
            assertFalse(failed.isDone());
        }
    }

    @Test
    void whatAProbeFailsOfIsSaid() {
        IllegalStateException gone = new IllegalStateException("the device is gone");
        try (EngineWatchdog watchdog = watch(() -> CompletableFuture.failedFuture(gone))) {
            assertEquals(gone, failed.join());
        }
    }

    /** A model that takes no request that could be made here is believed to compute. */
    @Test
    void withoutAProbeItIsReady() throws Exception {
        try (EngineWatchdog watchdog = watch(() -> null)) {
            probes.await();
            assertTrue(watchdog.hasAnswered());
            assertFalse(failed.isDone());
        }
    }
}
