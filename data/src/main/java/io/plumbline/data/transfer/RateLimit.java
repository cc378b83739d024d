package io.plumbline.data.transfer;

import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/** Holds transfers together to so many bytes a second. For several threads at once. */
public final class RateLimit {
    /** Seconds' worth of bytes that may come at once after a pause. */
    private static final double BURST_S = 0.1;

    private final double bytesPerSecond;
    private long freeAtNs = System.nanoTime();

    private RateLimit(double bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
    }

    /** As fast as it goes. */
    public static RateLimit none() {
        return new RateLimit(Double.POSITIVE_INFINITY);
    }

    /** @param bytesPerSecond above 0. */
    public static RateLimit of(long bytesPerSecond) {
        if (bytesPerSecond <= 0) {
            throw new IllegalArgumentException("A rate is above 0 bytes a second, not " + bytesPerSecond + ".");
        }
        return new RateLimit(bytesPerSecond);
    }

    /** Waits until these bytes may have come. */
    public void take(long bytes) throws IOException {
        if (bytesPerSecond == Double.POSITIVE_INFINITY) {
            return;
        }
        long until;
        synchronized (this) {
            freeAtNs = Math.max(freeAtNs, System.nanoTime() - (long) (1e9 * BURST_S));
            freeAtNs += (long) (1e9 * bytes / bytesPerSecond);
            until = freeAtNs;
        }
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while waiting for the rate limit.");
            }
        }
    }
}
