package io.plumbline.benchmarks.compare;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Work that never changes: SHA-256 of memory, and memory copied. Done between measurements, it tells how fast the
 * machine is just now, which on a shared host changes from minute to minute.
 */
final class Ruler {
    private static final int BYTES = 64 << 20;
    private static final int PASSES = 5;

    private final byte[] from = new byte[BYTES];
    private final byte[] to = new byte[BYTES];

    /** Speed of the machine just now, in a unit of its own: twice as high is twice as fast. */
    double read() {
        double best = 0;
        for (int pass = 0; pass < PASSES; pass++) {
            long begin = System.nanoTime();
            System.arraycopy(from, 0, to, 0, BYTES);
            long copied = System.nanoTime();
            from[pass] = hash(to)[0];
            long hashed = System.nanoTime();
            best = Math.max(best, 1e9 / Math.sqrt((copied - begin) * (double) (hashed - copied)));
        }
        return best;
    }

    private static byte[] hash(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JDK has SHA-256.", e);
        }
    }
}
