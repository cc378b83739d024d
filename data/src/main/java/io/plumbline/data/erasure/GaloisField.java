package io.plumbline.data.erasure;

/** Bytes as the field of 256 elements, by x^8 + x^4 + x^3 + x^2 + 1 (0x11D), as in most storage codes. */
final class GaloisField {
    private static final int POLYNOMIAL = 0x11D;
    private static final int[] LOG = new int[256];
    private static final int[] EXP = new int[510];

    static {
        int value = 1;
        for (int i = 0; i < 255; i++) {
            EXP[i] = value;
            EXP[i + 255] = value;
            LOG[value] = i;
            value <<= 1;
            if (value >= 256) {
                value ^= POLYNOMIAL;
            }
        }
    }

    private GaloisField() {}

    /** Product of two elements, 0 to 255 each. */
    static int multiply(int a, int b) {
        return a == 0 || b == 0 ? 0 : EXP[LOG[a] + LOG[b]];
    }

    /** The element that gives 1 with {@code a}, which is not 0. */
    static int invert(int a) {
        return EXP[255 - LOG[a]];
    }

    /** {@code a} to the power {@code n}, where 0 to the power 0 is 1. */
    static int power(int a, int n) {
        if (n == 0) {
            return 1;
        }
        return a == 0 ? 0 : EXP[LOG[a] * n % 255];
    }
}
