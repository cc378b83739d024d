package io.plumbline.verifier.encoding;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.numerics.Simd;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * int32 words in as many bits as the largest of a block takes: sums of int8 products use 17 to 26 of their 32. Lossless
 * for any bytes.
 *
 * <p>A block is 512 little-endian words, 32 rows of {@value #LANES}. Each word v is written as {@code (v << 1) ^ (v >>
 * 31)}, small for small magnitudes. A block is one byte, the width w in bits, 0 to 32, and then w rows: lane l of them
 * holds the 32 words of its lane, one behind the other, w bits each, lowest bits first. So vectors of any width pack
 * and unpack it by shifts alone. Bytes that fill no block follow as they are.
 */
public final class PackedWords {
    static final int LANES = 16;
    static final int ROWS = 32;
    static final int BLOCK_BYTES = 4 * LANES * ROWS;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private PackedWords() {}

    /** The most bytes that so many take. */
    public static int mostBytes(int length) {
        return length + length / BLOCK_BYTES;
    }

    /**
     * Packs {@code length} bytes.
     *
     * @param out has room for {@link #mostBytes} from {@code outAt}.
     * @return bytes written.
     */
    public static int pack(byte[] in, int at, int length, byte[] out, int outAt) {
        int end = at + length;
        int to = outAt;
        for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) {
            int width = Simd.enabled() ? VectorPackedWords.width(in, at) : width(in, at);
            out[to++] = (byte) width;
            if (Simd.enabled()) {
                VectorPackedWords.packBlock(in, at, width, out, to);
            } else {
                packBlock(in, at, width, out, to);
            }
            to += 4 * LANES * width;
        }
        System.arraycopy(in, at, out, to, end - at);
        return to + end - at - outAt;
    }

    /**
     * Unpacks {@code packed} bytes into exactly {@code length}.
     *
     * @throws MalformedException where they are not what that many bytes are packed to.
     */
    public static void unpack(byte[] in, int at, int packed, byte[] out, int outAt, int length)
            throws MalformedException {
        int end = at + packed;
        int outEnd = outAt + length;
        for (; outAt + BLOCK_BYTES <= outEnd; outAt += BLOCK_BYTES) {
            int width = at < end ? in[at++] : -1;
            if (width < 0 || width > 32 || end - at < 4 * LANES * width) {
                throw new MalformedException("Packed words: a block of " + BLOCK_BYTES + " bytes is not all there.");
            }
            if (width == 0) {
                Arrays.fill(out, outAt, outAt + BLOCK_BYTES, (byte) 0);
            } else if (Simd.enabled()) {
                VectorPackedWords.unpackBlock(in, at, width, out, outAt);
            } else {
                unpackBlock(in, at, width, out, outAt);
            }
            at += 4 * LANES * width;
        }
        if (end - at != outEnd - outAt) {
            throw new MalformedException(
                    "Packed words: " + (end - at) + " bytes are left where " + (outEnd - outAt) + " are due.");
        }
        System.arraycopy(in, at, out, outAt, outEnd - outAt);
    }

    /** Bits of the widest word of a block. */
    static int width(byte[] in, int at) {
        int all = 0;
        for (int i = 0; i < BLOCK_BYTES; i += 4) {
            all |= folded((int) INT.get(in, at + i));
        }
        return 32 - Integer.numberOfLeadingZeros(all);
    }

    /** One block; the specification of {@link VectorPackedWords}. */
    static void packBlock(byte[] in, int at, int width, byte[] out, int outAt) {
        for (int lane = 0; lane < LANES; lane++) {
            int filled = 0;
            for (int row = 0; row < ROWS && width > 0; row++) {
                int word = folded((int) INT.get(in, at + 4 * (row * LANES + lane)));
                int shift = row * width & 31;
                filled |= word << shift;
                if (shift + width >= 32) {
                    INT.set(out, outAt + 4 * ((row * width >>> 5) * LANES + lane), filled);
                    filled = shift + width > 32 ? word >>> 32 - shift : 0;
                }
            }
        }
    }

    /** One block whose words have bits at all. */
    static void unpackBlock(byte[] in, int at, int width, byte[] out, int outAt) {
        int mask = -1 >>> 32 - width;
        for (int row = 0; row < ROWS; row++) {
            int from = at + 4 * (row * width >>> 5) * LANES;
            int shift = row * width & 31;
            for (int lane = 0; lane < LANES; lane++) {
                int word = (int) INT.get(in, from + 4 * lane) >>> shift;
                if (shift + width > 32) {
                    word |= (int) INT.get(in, from + 4 * (LANES + lane)) << 32 - shift;
                }
                word &= mask;
                INT.set(out, outAt + 4 * (row * LANES + lane), word >>> 1 ^ -(word & 1));
            }
        }
    }

    private static int folded(int word) {
        return word << 1 ^ word >> 31;
    }
}
