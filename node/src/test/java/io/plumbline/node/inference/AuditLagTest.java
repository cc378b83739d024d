package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AuditLagTest {
    private static final List<Bytes32> AUDITORS = List.of(id(1), id(2), id(3), id(4));

    private final List<Event> told = new ArrayList<>();
    private long nowNs;
    private final AuditLag lag = new AuditLag(3, () -> nowNs, told::add);

    /** What auditors have not asked for, the oldest first, with the time of its signature. */
    private final Deque<long[]> queue = new ArrayDeque<>();

    private int signed;

    private static Bytes32 id(int number) {
        return new Bytes32(number, 0, 0, 0);
    }

    private boolean answer() {
        try {
            lag.requireKeptUp(0);
        } catch (RejectedExecutionException e) {
            return false;
        }
        lag.signed(id(100 + signed));
        queue.add(new long[] {signed++, nowNs});
        return true;
    }

    /** @return how long the oldest had waited. */
    private double audit(int auditors) {
        long[] oldest = queue.poll();
        for (Bytes32 auditor : AUDITORS.subList(0, auditors)) {
            lag.asked(id(100 + (int) oldest[0]), auditor);
        }
        return (nowNs - oldest[1]) / 1e9;
    }

    /**
     * Clients that ask without a pause, and auditors of a speed.
     *
     * @return the longest that an answer waited for auditors, in seconds.
     */
    private double run(int seconds, int auditsASecond) {
        double longest = 0;
        for (int tick = 0; tick < 10 * seconds; tick++) {
            nowNs += TimeUnit.MILLISECONDS.toNanos(100);
            for (int i = 0; i < 5 && answer(); i++) {
                // As many as it takes.
            }
            for (int i = auditsASecond * tick / 10; i < auditsASecond * (tick + 1) / 10 && !queue.isEmpty(); i++) {
                longest = Math.max(longest, audit(3));
            }
        }
        return longest;
    }

    @Test
    void auditorsComeToEveryAnswerInTimeWhateverTheirSpeed() {
        run(60, 20);
        int before = signed;
        assertTrue(run(60, 20) < 15);
        assertTrue(signed - before >= 60 * 20 - 5, "and they are kept busy: " + (signed - before));
        // Suddenly eight times slower, then slower still: an audit has two minutes, less a third to say what failed.
        assertTrue(run(200, 3) < 80);
        assertTrue(run(200, 1) < 80);
        run(60, 20);
        assertTrue(run(60, 20) < 15);
        assertEquals(new Event.AuditorsBehind(), told.getFirst());
        assertTrue(told.contains(new Event.AuditorsCaughtUp()));
    }

    @Test
    void whatIsQueuedCountsToo() {
        for (int i = 0; i < AuditLag.LEAST / 2; i++) {
            assertTrue(answer());
        }
        assertDoesNotThrow(() -> lag.requireKeptUp(AuditLag.LEAST / 2 - 1));
        assertThrows(RejectedExecutionException.class, () -> lag.requireKeptUp(AuditLag.LEAST / 2));
    }

    @Test
    void fewerThanDecideAreNotEnough() {
        for (int i = 0; i < AuditLag.LEAST; i++) {
            assertTrue(answer());
        }
        while (!queue.isEmpty()) {
            audit(2);
        }
        assertThrows(RejectedExecutionException.class, () -> lag.requireKeptUp(0));
        lag.asked(id(100), AUDITORS.getLast());
        assertDoesNotThrow(() -> lag.requireKeptUp(0));
        // The same auditor again is no other.
        assertTrue(answer());
        lag.asked(id(101), AUDITORS.getFirst());
        assertThrows(RejectedExecutionException.class, () -> lag.requireKeptUp(0));
    }

    @Test
    void silentAuditorsHoldANodeUpForAMinuteAtMost() {
        while (answer()) {
            // Nobody asks for any.
        }
        assertEquals(AuditLag.LEAST, signed);
        nowNs += TimeUnit.SECONDS.toNanos(61);
        assertDoesNotThrow(() -> lag.requireKeptUp(0));
    }
}
