package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** A rate is kept to the microsecond, by a clock that the test moves. */
class TokenBucketTest {
    private static final long SECOND = 1_000_000_000;

    @Test
    void aMinutesWorthIsThereAtOnceAndComesBackEvenly() {
        TokenBucket bucket = new TokenBucket(60, 0);
        for (int i = 0; i < 60; i++) {
            assertTrue(bucket.take(1, 0), "token " + i);
        }
        assertFalse(bucket.take(1, 0));
        assertEquals(SECOND, bucket.nanosUntil(1, 0));
        assertFalse(bucket.take(1, SECOND - 2000));
        assertTrue(bucket.take(1, SECOND));
        assertFalse(bucket.take(1, SECOND));
        assertEquals(10, bucket.remaining(11 * SECOND));
        assertEquals(60, bucket.remaining(3600 * SECOND), "no more is saved up than a minute's");
    }

    @Test
    void whatIsGivenBackIsThereAgainAndNeverMoreThanAMinutes() {
        TokenBucket bucket = new TokenBucket(100, 0);
        assertTrue(bucket.take(80, 0));
        bucket.giveBack(30, 0);
        assertEquals(50, bucket.remaining(0));
        bucket.giveBack(80, 0);
        assertEquals(100, bucket.remaining(0));
    }

    @Test
    void whatIsMoreThanAMinutesNeverComes() {
        TokenBucket bucket = new TokenBucket(10, 0);
        assertEquals(Long.MAX_VALUE, bucket.nanosUntil(11, 0));
        assertFalse(bucket.take(11, 1000 * SECOND));
        assertEquals(10, bucket.remaining(1000 * SECOND), "and nothing was taken");
    }

    @Test
    void aClientThatWaitsAsLongAsItIsToldIsServed() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 10_000; i++) {
            long capacity = 1 + random.nextLong(i % 2 == 0 ? 1000 : Quota.MOST);
            long now = random.nextLong(1L << 50);
            TokenBucket bucket = new TokenBucket(capacity, now);
            bucket.take(random.nextLong(capacity + 1), now);
            long count = 1 + random.nextLong(capacity);
            long wait = bucket.nanosUntil(count, now);
            assertTrue(wait <= 60 * SECOND, "seed " + seed);
            assertTrue(bucket.take(count, now + wait), "seed " + seed);
        }
    }

    @Test
    void anotherRateKeepsWhatWasUsed() {
        TokenBucket bucket = new TokenBucket(100, 0);
        bucket.take(70, 0);
        assertEquals(130, bucket.resized(200, 0).remaining(0));
        assertEquals(0, bucket.resized(50, 0).remaining(0));
    }

    @Test
    void aClockThatStandsStillOrGoesBackGivesNothing() {
        TokenBucket bucket = new TokenBucket(60, 10 * SECOND);
        bucket.take(60, 10 * SECOND);
        assertFalse(bucket.take(1, 5 * SECOND));
        assertTrue(bucket.take(1, 11 * SECOND));
    }
}
