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
     * One compression. {@code out} receives 16 words: the new chaining value in the first 8, the extended output in the rest.
     * {@code cv} may be {@code out}.
     */
    static void compress(int[] cv, int cvOffset, int[] m, int mOffset, long counter, int length, int flags, int[] out) {
        int[] v = new int[16];
        System.arraycopy(cv, cvOffset, v, 0, 8);
        System.arraycopy(IV, 0, v, 8, 4);
        v[12] = (int) counter;
        v[13] = (int) (counter >>> 32);
        v[14] = length;
        v[15] = flags;
        for (int[] s : SCHEDULE) {
            mix(v, 0, 4, 8, 12, m[mOffset + s[0]], m[mOffset + s[1]]);
            mix(v, 1, 5, 9, 13, m[mOffset + s[2]], m[mOffset + s[3]]);
            mix(v, 2, 6, 10, 14, m[mOffset + s[4]], m[mOffset + s[5]]);
            mix(v, 3, 7, 11, 15, m[mOffset + s[6]], m[mOffset + s[7]]);
            mix(v, 0, 5, 10, 15, m[mOffset + s[8]], m[mOffset + s[9]]);
            mix(v, 1, 6, 11, 12, m[mOffset + s[10]], m[mOffset + s[11]]);
            mix(v, 2, 7, 8, 13, m[mOffset + s[12]], m[mOffset + s[13]]);
            mix(v, 3, 4, 9, 14, m[mOffset + s[14]], m[mOffset + s[15]]);
        }
        for (int i = 0; i < 8; i++) {
            int high = v[i + 8] ^ cv[cvOffset + i];
            out[i] = v[i] ^ v[i + 8];
            out[i + 8] = high;
        }
    }

    private static void mix(int[] v, int a, int b, int c, int d, int x, int y) {
        int va = v[a] + v[b] + x;
        int vd = Integer.rotateRight(v[d] ^ va, 16);
        int vc = v[c] + vd;
        int vb = Integer.rotateRight(v[b] ^ vc, 12);
        va = va + vb + y;
        vd = Integer.rotateRight(vd ^ va, 8);
        vc = vc + vd;
        v[a] = va;
        v[b] = Integer.rotateRight(vb ^ vc, 7);
        v[c] = vc;
        v[d] = vd;
    }

    /** Reads up to 64 bytes as 16 little-endian words, zero-padded. */
    static void loadBlock(MemorySegment in, long offset, int length, int[] words) {
        int whole = length >>> 2;
        for (int i = 0; i < whole; i++) {
            words[i] = in.get(LE_INT, offset + 4L * i);
        }
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
