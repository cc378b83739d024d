package io.plumbline.verifier.freivalds;

import io.plumbline.verifier.numerics.Simd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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

    /** Sum of {@code x[k] * r[k]}. */
    default long dot(byte[] x, int xOffset, int[] r, int rOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += (long) x[xOffset + k] * r[rOffset + k];
        }
        return sum;
    }

    /** Sum of {@code (u[k] >> 8) * s[k]}. */
    default long dotHigh(short[] u, int uOffset, long[] s, int sOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += (u[uOffset + k] >> 8) * s[sOffset + k];
        }
        return sum;
    }

    /** Sum of {@code (u[k] & 255) * s[k]}. */
    default long dotLow(short[] u, int uOffset, long[] s, int sOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += (u[uOffset + k] & 0xFF) * s[sOffset + k];
        }
        return sum;
    }

    /**
     * The first of {@code rows} rows whose claimed products are not those of its inputs: where {@code x . s} is not
     * {@code y . r} in some round. -1 when all hold.
     *
     * @param x k inputs a row, one after the other.
     * @param y n products a row.
     * @param s k values a round.
     * @param r n secrets a round.
     */
    default int firstFalse(byte[] x, int[] y, int rows, long[] s, int k, int[] r, int n) {
        for (int row = 0; row < rows; row++) {
            for (int round = 0; round < r.length / n; round++) {
                if (dot(x, row * k, s, round * k, k) != dot(y, row * n, r, round * n, n)) {
                    return row;
                }
            }
        }
        return -1;
    }

    /**
     * {@code s[round][i] += r[round][first + row] * w[row][i]} for {@code rows} rows of k bytes, one after the other.
     *
     * @param w from byte {@code offset}.
     * @param r n secrets a round.
     * @param s k sums a round.
     */
    default void accumulateRows(MemorySegment w, long offset, int first, int rows, int k, int[] r, int n, long[] s) {
        byte[] row = new byte[k];
        for (int i = 0; i < rows; i++) {
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, offset + (long) i * k, row, 0, k);
            for (int round = 0; round < r.length / n; round++) {
                accumulate(row, 0, k, r[round * n + first + i], s, round * k);
            }
        }
    }

    /** The fastest implementation here. Stateless. */
    static RingMath best() {
        if (!NativeRing.forms().isEmpty()) {
            return new NativeRing(NativeRing.forms().getFirst());
        }
        return Simd.enabled() ? new VectorRing() : new ScalarRing();
    }
}
