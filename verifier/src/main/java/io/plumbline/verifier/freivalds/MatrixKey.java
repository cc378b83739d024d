package io.plumbline.verifier.freivalds;

import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * What a verifier keeps of one integer matrix {@code W[n][k]}: secret {@code r} and {@code s = W^T r}, {@code rounds}
 * times.
 *
 * <p>A claimed {@code y = W x} is accepted when {@code x . s == y . r} in every round. If some {@code y[n]} is wrong
 * by D, then |D| &lt; 2^32 and at most one of the 2^32 values of {@code r[n]} hides it: two values that do would
 * differ by less than 2^32, and their difference times D, below 2^64 in magnitude and not zero, cannot be 0 mod 2^64.
 * So a wrong row passes with probability at most 2^-32 a round.
 */
public final class MatrixKey {
    /** Independent secret vectors: a false row passes with probability at most 2^-64. */
    public static final int ROUNDS = 2;

    private final int k;
    private final int n;
    private final int[] r;
    private final long[] s;
    private final RingMath ring;

    /** An empty key of an {@code n x k} matrix; feed it all rows before use. */
    public MatrixKey(int n, int k, SecretInts secrets) {
        this(n, k, secrets.next(Math.multiplyExact(n, ROUNDS)), RingMath.best());
    }

    /** With given secrets, so that a test can measure how often small ones miss. */
    MatrixKey(int n, int k, int[] r, RingMath ring) {
        this.n = n;
        this.k = k;
        this.r = r;
        this.s = new long[Math.multiplyExact(k, r.length / n)];
        this.ring = ring;
    }

    /**
     * Adds {@code rows} rows from row {@code first}, one after the other from {@code offset}.
     *
     * @throws IllegalArgumentException where products with a row are not exact in 32 bits.
     */
    public void addRows(WeightFormat format, int first, int rows, MemorySegment weights, long offset) {
        if (!format.isGrouped()) {
            ring.accumulateRows(weights, offset, first, rows, k, r, n, s);
            return;
        }
        int rowBytes = format.rowBytes(k);
        short[] row = new short[k];
        for (int i = 0; i < rows; i++) {
            long at = offset + (long) i * rowBytes;
            if (!format.isExact(weights, at, k)) {
                throw new IllegalArgumentException("products with row " + i + " may leave 32 bits");
            }
            format.widen(weights, at, k, row);
            for (int round = 0; round < r.length / n; round++) {
                ring.accumulate(row, 0, k, r[round * n + first + i], s, round * k);
            }
        }
    }

    /**
     * The first of {@code rows} rows, k inputs and n products each, one after the other, that does not hold; -1 when
     * all do.
     */
    public int firstFalse(byte[] x, int[] y, int rows) {
        return ring.firstFalse(x, y, rows, s, k, r, n);
    }

    /** Bytes that this key occupies, in memory and written. */
    public long bytes() {
        return 4L * r.length + 8L * s.length;
    }

    /** Bytes of the key of an {@code n x k} matrix. */
    public static long bytes(int n, int k) {
        return ROUNDS * (4L * n + 8L * k);
    }

    /** Writes all secrets: r, then s. */
    public void write(ByteBuffer out) {
        out.asIntBuffer().put(r);
        out.position(out.position() + 4 * r.length);
        out.asLongBuffer().put(s);
        out.position(out.position() + 8 * s.length);
    }

    /** Reads what {@link #write} wrote of an {@code n x k} matrix. */
    public static MatrixKey read(int n, int k, ByteBuffer in) {
        int[] r = new int[ROUNDS * n];
        in.asIntBuffer().get(r);
        in.position(in.position() + 4 * r.length);
        MatrixKey key = new MatrixKey(n, k, r, RingMath.best());
        in.asLongBuffer().get(key.s);
        in.position(in.position() + 8 * key.s.length);
        return key;
    }
}
