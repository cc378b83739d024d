package io.plumbline.verifier.freivalds;

import io.plumbline.verifier.numerics.Simd;

/** Sums of products in Z/2^64. Wrap-around is intended: it is the ring. */
public interface RingMath {
    /** Sum of {@code x[k] * s[k]}. */
    long dot(byte[] x, int xOffset, long[] s, int sOffset, int n);

    /** Sum of {@code x[k] * s[k]}. */
    long dot(short[] x, int xOffset, long[] s, int sOffset, int n);

    /** Sum of {@code y[k] * r[k]}. */
    long dot(int[] y, int yOffset, int[] r, int rOffset, int n);

    /** {@code s[k] += r * w[k]}. */
    void accumulate(byte[] w, int wOffset, int n, int r, long[] s, int sOffset);

    /** {@code s[k] += r * w[k]}. */
    void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset);

    /** The fastest implementation here. Stateless. */
    static RingMath best() {
        return Simd.enabled() && VectorRing.supported() ? new VectorRing() : new ScalarRing();
    }
}
