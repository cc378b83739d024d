package io.plumbline.verifier.freivalds;

import java.lang.foreign.MemorySegment;

/** Sums of products in Z/2^64. Wrap-around is intended: it is the ring. */
public interface RingMath {
    /** Sum of {@code x[k] * s[k]}. */
    long dot(byte[] x, int xOffset, long[] s, int sOffset, int n);

    /** Sum of {@code x[k] * s[k]}. */
    long dot(short[] x, int xOffset, long[] s, int sOffset, int n);

    /** Sum of {@code y[k] * r[k]}. */
    long dot(int[] y, int yOffset, int[] r, int rOffset, int n);

    /** {@code s[k] += r * w[k]} for the {@code n} bytes at {@code wOffset}. */
    void accumulate(MemorySegment w, long wOffset, int n, int r, long[] s, int sOffset);

    /** {@code s[k] += r * w[k]}. */
    void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset);

    /** The fastest implementation here; {@code -Dplumbline.vector=false} gives the scalar one. Stateless. */
    static RingMath best() {
        return Boolean.parseBoolean(System.getProperty("plumbline.vector", "true")) && VectorRing.supported()
                ? new VectorRing()
                : new ScalarRing();
    }
}
