package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RefusalsTest {
    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5);
    private final Refusals refusals = new Refusals(clock::get);

    @Test
    void aRefusalCountsAgainstANodeThatAnswersNothing() {
        Bytes32 node = new Bytes32(1, 0, 0, 0);
        assertTrue(refusals.counts(node));
        refusals.answered(node);
        clock.addAndGet(TimeUnit.MINUTES.toNanos(59));
        assertFalse(refusals.counts(node));
        clock.addAndGet(TimeUnit.MINUTES.toNanos(2));
        assertTrue(refusals.counts(node));
        refusals.answered(node);
        assertFalse(refusals.counts(node));
    }

    @Test
    void ofManyNodesTheOnesThatAnsweredLastAreRemembered() {
        for (int i = 0; i <= 10_000; i++) {
            refusals.answered(new Bytes32(i, 0, 0, 0));
        }
        assertTrue(refusals.counts(new Bytes32(0, 0, 0, 0)));
        assertFalse(refusals.counts(new Bytes32(1, 0, 0, 0)));
    }
}
