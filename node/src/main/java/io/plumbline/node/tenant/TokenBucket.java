package io.plumbline.node.tenant;

/**
 * A rate: so many in a minute, which come back evenly, and no more saved up than a minute's. The time is the caller's,
 * in nanoseconds of any clock that goes forward. Not for several threads at once.
 */
final class TokenBucket {
    private static final double MINUTE_NANOS = 60e9;

    private final long capacity;

    /** Most that rounding leaves, far less than a token: a client that waited as long as it was told is served. */
    private final double rounding;

    private double level;
    private long sinceNanos;

    /** @param capacity in a minute, 1 or more; the bucket is full at first. */
    TokenBucket(long capacity, long nowNanos) {
        this.capacity = capacity;
        this.rounding = 1e-6 + capacity * 1e-14;
        this.level = capacity;
        this.sinceNanos = nowNanos;
    }

    /** The same use, by another rate. */
    TokenBucket resized(long newCapacity, long nowNanos) {
        fill(nowNanos);
        TokenBucket other = new TokenBucket(newCapacity, nowNanos);
        other.level = Math.max(0, newCapacity - (capacity - level));
        return other;
    }

    private void fill(long nowNanos) {
        if (nowNanos - sinceNanos > 0) {
            level = Math.min(capacity, level + (nowNanos - sinceNanos) / MINUTE_NANOS * capacity);
            sinceNanos = nowNanos;
        }
    }

    /** Takes so many, where they are there. */
    boolean take(long count, long nowNanos) {
        if (nanosUntil(count, nowNanos) > 0) {
            return false;
        }
        level -= count;
        return true;
    }

    /** Gives back what was taken and not used. */
    void giveBack(long count, long nowNanos) {
        fill(nowNanos);
        level = Math.min(capacity, level + count);
    }

    /** How long until so many are there; for ever, where they are more than a minute's, is {@link Long#MAX_VALUE}. */
    long nanosUntil(long count, long nowNanos) {
        fill(nowNanos);
        if (count > capacity) {
            return Long.MAX_VALUE;
        }
        double missing = count - level;
        return missing <= rounding ? 0 : (long) Math.ceil(missing / capacity * MINUTE_NANOS);
    }

    long capacity() {
        return capacity;
    }

    /** Those that are there. */
    long remaining(long nowNanos) {
        fill(nowNanos);
        return Math.max(0, (long) (level + rounding));
    }
}
