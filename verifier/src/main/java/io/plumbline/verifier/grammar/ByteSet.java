package io.plumbline.verifier.grammar;

/**
 * A set of byte values 0 to 255, as four words of 64 bits.
 *
 * @param a holds 0 to 63, {@code b} 64 to 127, {@code c} 128 to 191, {@code d} 192 to 255.
 */
record ByteSet(long a, long b, long c, long d) {
    static final ByteSet NONE = new ByteSet(0, 0, 0, 0);

    /** The values from {@code first} to {@code last}, both included. */
    static ByteSet range(int first, int last) {
        long[] words = new long[4];
        for (int value = first; value <= last; value++) {
            words[value >> 6] |= 1L << value;
        }
        return new ByteSet(words[0], words[1], words[2], words[3]);
    }

    boolean contains(int value) {
        long word = switch (value >> 6) {
            case 0 -> a;
            case 1 -> b;
            case 2 -> c;
            default -> d;
        };
        return (word >> value & 1) != 0;
    }

    ByteSet or(ByteSet other) {
        return new ByteSet(a | other.a, b | other.b, c | other.c, d | other.d);
    }

    boolean isEmpty() {
        return (a | b | c | d) == 0;
    }
}
