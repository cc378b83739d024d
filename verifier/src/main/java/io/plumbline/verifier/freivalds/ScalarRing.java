package io.plumbline.verifier.freivalds;

/** The definition. */
public final class ScalarRing implements RingMath {
    @Override
    public long dot(byte[] x, int xOffset, long[] s, int sOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += x[xOffset + k] * s[sOffset + k];
        }
        return sum;
    }

    @Override
    public long dot(short[] x, int xOffset, long[] s, int sOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += x[xOffset + k] * s[sOffset + k];
        }
        return sum;
    }

    @Override
    public long dot(int[] y, int yOffset, int[] r, int rOffset, int n) {
        long sum = 0;
        for (int k = 0; k < n; k++) {
            sum += (long) y[yOffset + k] * r[rOffset + k];
        }
        return sum;
    }

    @Override
    public void accumulate(byte[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        for (int k = 0; k < n; k++) {
            s[sOffset + k] += (long) r * w[wOffset + k];
        }
    }

    @Override
    public void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        for (int k = 0; k < n; k++) {
            s[sOffset + k] += (long) r * w[wOffset + k];
        }
    }
}
