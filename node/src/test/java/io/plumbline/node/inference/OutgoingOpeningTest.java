package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.PackedWords;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class OutgoingOpeningTest {
    private static final int BYTES = 64 << 10;
    private final AtomicInteger sent = new AtomicInteger();

    /** A fifth of a second, and half a second for all of it. */
    private final OutgoingOpening opening = new OutgoingOpening(
            (buffer, offset, length) -> sent.incrementAndGet(),
            1,
            new byte[64],
            new byte[BYTES],
            false,
            2 * BYTES,
            TimeUnit.MILLISECONDS.toNanos(200));

    @Test
    void whoeverAsksForAByteAtATimeKeepsItsPlaceForNoLongerThanItMay() throws InterruptedException {
        Thread sending = Thread.ofVirtual().start(opening::run);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        int granted = 0;
        while (sending.isAlive() && System.nanoTime() < end) {
            opening.proceed(++granted);
            Thread.sleep(10);
        }
        assertFalse(sending.isAlive(), "after " + granted + " bytes");
        assertTrue(granted > 10, "it was sent while it asked in time: " + granted);
    }

    @Test
    void whoeverAsksForAllOfItHasIt() throws InterruptedException {
        Thread sending = Thread.ofVirtual().start(opening::run);
        opening.proceed(BYTES);
        assertTrue(sending.join(Duration.ofSeconds(120)));
        assertEquals(2, sent.get(), "the seal and one chunk");
    }

    /** Zeros take next to nothing, for whoever says that it can unpack them. */
    @Test
    void wordsArePackedForWhoeverAsksForThat() throws InterruptedException {
        AtomicInteger bytes = new AtomicInteger();
        OutgoingOpening packing = new OutgoingOpening(
                (buffer, offset, length) -> bytes.addAndGet(length),
                1,
                new byte[64],
                new byte[BYTES],
                true,
                2 * BYTES,
                TimeUnit.SECONDS.toNanos(20));
        Thread sending = Thread.ofVirtual().start(packing::run);
        packing.proceed(BYTES);
        assertTrue(sending.join(Duration.ofSeconds(120)));
        assertTrue(PackedWords.isFast() ? bytes.get() < 300 : bytes.get() > BYTES, bytes + " bytes");
    }

    @Test
    void whoeverAsksForNothingIsNotWaitedForLong() throws InterruptedException {
        Thread sending = Thread.ofVirtual().start(opening::run);
        assertTrue(sending.join(Duration.ofSeconds(120)));
        assertEquals(1, sent.get(), "the seal alone");
    }
}
