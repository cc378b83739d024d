package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The BLAKE3 compression function, written as in section 2.2 of the paper, and the constants around it. */
final class Compression {
    static final int BLOCK_BYTES = 64;
    static final int CHUNK_START = 1;
    static final int CHUNK_END = 2;
    static final int PARENT = 4;
    static final int ROOT = 8;
    static final int KEYED_HASH = 16;
    static final int DERIVE_KEY_CONTEXT = 32;
    static final int DERIVE_KEY_MATERIAL = 64;

    private static final int[] IV = {
        0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19
    };
    private static final int[] PERMUTATION = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

    /** Message word indexes of the seven rounds, the permutation applied once more for each. */
    static final int[][] SCHEDULE = schedule();

    static final ValueLayout.OfInt LE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Compression() {}

    /** A fresh copy of the standard initial value. */
    static int[] iv() {
        return IV.clone();
    }

    static int iv(int index) {
        return IV[index];
    }

    private static int[][] schedule() {
        int[][] rounds = new int[7][16];
        for (int i = 0; i < 16; i++) {
            rounds[0][i] = i;
        }
        for (int r = 1; r < 7; r++) {
            for (int i = 0; i < 16; i++) {
                rounds[r][i] = rounds[r - 1][PERMUTATION[i]];
            }
        }
        return rounds;
    }

    /**
     * One compression. {@code out} receives 16 words: the new chaining value in the first 8, the extended output in
     * the rest. {@code cv} may be {@code out}. The state stands in local variables and the mixing function is written
     * out, because no compiler keeps an array in registers.
     */
    static void compress(int[] cv, int cvOffset, int[] m, int mOffset, long counter, int length, int flags, int[] out) {
        int v0 = cv[cvOffset + 0];
        int v1 = cv[cvOffset + 1];
        int v2 = cv[cvOffset + 2];
        int v3 = cv[cvOffset + 3];
        int v4 = cv[cvOffset + 4];
        int v5 = cv[cvOffset + 5];
        int v6 = cv[cvOffset + 6];
        int v7 = cv[cvOffset + 7];
        int v8 = IV[0];
        int v9 = IV[1];
        int v10 = IV[2];
        int v11 = IV[3];
        int v12 = (int) counter;
        int v13 = (int) (counter >>> 32);
        int v14 = length;
        int v15 = flags;
        for (int[] s : SCHEDULE) {
            // Columns.
            v0 += v4 + m[mOffset + s[0]];
            v12 = Integer.rotateRight(v12 ^ v0, 16);
            v8 += v12;
            v4 = Integer.rotateRight(v4 ^ v8, 12);
            v0 += v4 + m[mOffset + s[1]];
            v12 = Integer.rotateRight(v12 ^ v0, 8);
            v8 += v12;
            v4 = Integer.rotateRight(v4 ^ v8, 7);
            v1 += v5 + m[mOffset + s[2]];
            v13 = Integer.rotateRight(v13 ^ v1, 16);
            v9 += v13;
            v5 = Integer.rotateRight(v5 ^ v9, 12);
            v1 += v5 + m[mOffset + s[3]];
            v13 = Integer.rotateRight(v13 ^ v1, 8);
            v9 += v13;
            v5 = Integer.rotateRight(v5 ^ v9, 7);
            v2 += v6 + m[mOffset + s[4]];
            v14 = Integer.rotateRight(v14 ^ v2, 16);
            v10 += v14;
            v6 = Integer.rotateRight(v6 ^ v10, 12);
            v2 += v6 + m[mOffset + s[5]];
            v14 = Integer.rotateRight(v14 ^ v2, 8);
            v10 += v14;
            v6 = Integer.rotateRight(v6 ^ v10, 7);
            v3 += v7 + m[mOffset + s[6]];
            v15 = Integer.rotateRight(v15 ^ v3, 16);
            v11 += v15;
            v7 = Integer.rotateRight(v7 ^ v11, 12);
            v3 += v7 + m[mOffset + s[7]];
            v15 = Integer.rotateRight(v15 ^ v3, 8);
            v11 += v15;
            v7 = Integer.rotateRight(v7 ^ v11, 7);
            // Diagonals.
            v0 += v5 + m[mOffset + s[8]];
            v15 = Integer.rotateRight(v15 ^ v0, 16);
            v10 += v15;
            v5 = Integer.rotateRight(v5 ^ v10, 12);
            v0 += v5 + m[mOffset + s[9]];
            v15 = Integer.rotateRight(v15 ^ v0, 8);
            v10 += v15;
            v5 = Integer.rotateRight(v5 ^ v10, 7);
            v1 += v6 + m[mOffset + s[10]];
            v12 = Integer.rotateRight(v12 ^ v1, 16);
            v11 += v12;
            v6 = Integer.rotateRight(v6 ^ v11, 12);
            v1 += v6 + m[mOffset + s[11]];
            v12 = Integer.rotateRight(v12 ^ v1, 8);
            v11 += v12;
            v6 = Integer.rotateRight(v6 ^ v11, 7);
            v2 += v7 + m[mOffset + s[12]];
            v13 = Integer.rotateRight(v13 ^ v2, 16);
            v8 += v13;
            v7 = Integer.rotateRight(v7 ^ v8, 12);
            v2 += v7 + m[mOffset + s[13]];
            v13 = Integer.rotateRight(v13 ^ v2, 8);
            v8 += v13;
            v7 = Integer.rotateRight(v7 ^ v8, 7);
            v3 += v4 + m[mOffset + s[14]];
            v14 = Integer.rotateRight(v14 ^ v3, 16);
            v9 += v14;
            v4 = Integer.rotateRight(v4 ^ v9, 12);
            v3 += v4 + m[mOffset + s[15]];
            v14 = Integer.rotateRight(v14 ^ v3, 8);
            v9 += v14;
            v4 = Integer.rotateRight(v4 ^ v9, 7);
        }
        out[8] = v8 ^ cv[cvOffset + 0];
        out[9] = v9 ^ cv[cvOffset + 1];
        out[10] = v10 ^ cv[cvOffset + 2];
        out[11] = v11 ^ cv[cvOffset + 3];
        out[12] = v12 ^ cv[cvOffset + 4];
        out[13] = v13 ^ cv[cvOffset + 5];
        out[14] = v14 ^ cv[cvOffset + 6];
        out[15] = v15 ^ cv[cvOffset + 7];
        out[0] = v0 ^ v8;
        out[1] = v1 ^ v9;
        out[2] = v2 ^ v10;
        out[3] = v3 ^ v11;
        out[4] = v4 ^ v12;
        out[5] = v5 ^ v13;
        out[6] = v6 ^ v14;
        out[7] = v7 ^ v15;
    }

    /** Reads up to 64 bytes as 16 little-endian words, zero-padded. */
    static void loadBlock(MemorySegment in, long offset, int length, int[] words) {
        int whole = length >>> 2;
        MemorySegment.copy(in, LE_INT, offset, words, 0, whole);
        for (int i = whole; i < 16; i++) {
            int word = 0;
            for (int b = 0; b < 4 && 4 * i + b < length; b++) {
                word |= (in.get(ValueLayout.JAVA_BYTE, offset + 4L * i + b) & 0xFF) << (8 * b);
            }
            words[i] = word;
        }
    }

    static void toBytes(int[] words, int wordOffset, int count, byte[] out, int offset) {
        for (int i = 0; i < count; i++) {
            int w = words[wordOffset + i];
            out[offset + 4 * i] = (byte) w;
            out[offset + 4 * i + 1] = (byte) (w >>> 8);
            out[offset + 4 * i + 2] = (byte) (w >>> 16);
            out[offset + 4 * i + 3] = (byte) (w >>> 24);
        }
    }

    static void toWords(byte[] bytes, int offset, int count, int[] out, int outOffset) {
        for (int i = 0; i < count; i++) {
            int o = offset + 4 * i;
            out[outOffset + i] = bytes[o] & 0xFF
                    | (bytes[o + 1] & 0xFF) << 8
                    | (bytes[o + 2] & 0xFF) << 16
                    | (bytes[o + 3] & 0xFF) << 24;
        }
    }
}
