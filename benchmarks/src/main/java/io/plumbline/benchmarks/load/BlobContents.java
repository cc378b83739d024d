package io.plumbline.benchmarks.load;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.SplittableRandom;

/**
 * Bytes for blobs that no node has yet, made by copying: drawing them would take longer than hashing them. Used by any
 * number of threads.
 */
final class BlobContents {
    /** A run's own number and a blob's, which begin it. */
    static final int STAMP_BYTES = 2 * Long.BYTES;

    private static final int POOL_BYTES = 1 << 20;

    private final byte[] pool = new byte[POOL_BYTES];

    /** A second run must not find its blobs at the node, whatever became of the first one. */
    private final long run = new SecureRandom().nextLong();

    BlobContents() {
        new SplittableRandom(1).nextBytes(pool);
    }

    /**
     * The bytes of one blob.
     *
     * @param bytes {@link #STAMP_BYTES} or more.
     * @param number each makes another blob.
     */
    byte[] make(int bytes, long number) {
        byte[] content = new byte[bytes];
        for (int at = 0; at < bytes; at += POOL_BYTES) {
            System.arraycopy(pool, 0, content, at, Math.min(POOL_BYTES, bytes - at));
        }
        ByteBuffer.wrap(content).putLong(run).putLong(number);
        return content;
    }
}
