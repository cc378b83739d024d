package io.plumbline.verifier.encoding;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * int32 words in as many bits as the largest of a block takes: sums of int8 products use 17 to 26 of their 32. Lossless
 * for any bytes.
 *
 * <p>A block is 512 little-endian words, 32 rows of 16 lanes. Each word v is written as {@code (v << 1) ^ (v >> 31)},
 * small for small magnitudes. A block is one byte, the width w in bits, 0 to 32, and then w rows: lane l of them holds
 * the 32 words of its lane, one behind the other, w bits each, lowest bits first. So vectors of any width pack and
 * unpack it by shifts alone. Bytes that fill no block follow as they are.
 */
public final class PackedWords {
    static final int ROW = 64;
    static final int ROWS = 32;
    static final int BLOCK_BYTES = ROW * ROWS;

    private static final NativePackedWords NATIVE =
            NativePackedWords.FORMS.isEmpty() ? null : NativePackedWords.FORMS.getFirst();

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private PackedWords() {}

    /** Whether this host packs and unpacks some gigabytes a second: Java by itself takes longer than it saves. */
    public static boolean isFast() {
        return NATIVE != null;
    }

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
        Objects.checkFromIndexSize(at, length, in.length);
        Objects.checkFromIndexSize(outAt, mostBytes(length), out.length);
        return NATIVE != null ? NATIVE.pack(in, at, length, out, outAt) : packInJava(in, at, length, out, outAt);
    }

    /**
     * Unpacks {@code packed} bytes into exactly {@code length}.
     *
     * @throws MalformedException where they are not what that many bytes are packed to.
     */
    public static void unpack(byte[] in, int at, int packed, byte[] out, int outAt, int length)
            throws MalformedException {
        Objects.checkFromIndexSize(at, packed, in.length);
        Objects.checkFromIndexSize(outAt, length, out.length);
        boolean isWhole = NATIVE != null
                ? NATIVE.unpack(in, at, packed, out, outAt, length)
                : unpackInJava(in, at, packed, out, outAt, length);
        if (!isWhole) {
            throw new MalformedException(packed + " bytes are not what " + length + " bytes of words are packed to");
        }
    }

    /** The specification of {@link NativePackedWords#pack}. */
    static int packInJava(byte[] in, int at, int length, byte[] out, int outAt) {
        int end = at + length;
        int to = outAt;
        for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
            int width = width(in, at);
            out[to++] = (byte) width;
            for (int lane = 0; lane < ROW && width > 0; lane += 4) {
                packLane(in, at + lane, width, out, to + lane);
            }
            to += ROW * width;
        }
        System.arraycopy(in, at, out, to, end - at);
        return to + end - at - outAt;
    }

    private static void packLane(byte[] in, int at, int width, byte[] out, int outAt) {
        int filled = 0;
        for (int row = 0; row < ROWS; row++) {
            int word = folded((int) INT.get(in, at + row * ROW));
            int shift = row * width & 31;
            filled |= word << shift;
            if (shift + width >= 32) {
                INT.set(out, outAt + (row * width >>> 5) * ROW, filled);
                filled = shift + width > 32 ? word >>> 32 - shift : 0;
            }
        }
    }

    /** The specification of {@link NativePackedWords#unpack}. */
    static boolean unpackInJava(byte[] in, int at, int packed, byte[] out, int outAt, int length) {
        int end = at + packed;
        int outEnd = outAt + length;
        for (; outEnd - outAt >= BLOCK_BYTES; outAt += BLOCK_BYTES) {
            int width = at < end ? in[at++] & 0xFF : 33;
            if (width > 32 || end - at < ROW * width) {
                return false;
            }
            for (int lane = 0; lane < ROW; lane += 4) {
                unpackLane(in, at + lane, width, out, outAt + lane);
            }
            at += ROW * width;
        }
        if (end - at != outEnd - outAt) {
            return false;
        }
        System.arraycopy(in, at, out, outAt, outEnd - outAt);
        return true;
    }

    private static void unpackLane(byte[] in, int at, int width, byte[] out, int outAt) {
        int mask = width == 0 ? 0 : -1 >>> 32 - width;
        for (int row = 0; row < ROWS; row++) {
            int from = at + (row * width >>> 5) * ROW;
            int shift = row * width & 31;
            int word = width == 0 ? 0 : (int) INT.get(in, from) >>> shift;
            if (shift + width > 32) {
                word |= (int) INT.get(in, from + ROW) << 32 - shift;
            }
            word &= mask;
            INT.set(out, outAt + row * ROW, word >>> 1 ^ -(word & 1));
        }
    }

    /** Bits of the widest word of a block. */
    private static int width(byte[] in, int at) {
        int all = 0;
        for (int i = 0; i < BLOCK_BYTES; i += 4) {
            all |= folded((int) INT.get(in, at + i));
        }
        return 32 - Integer.numberOfLeadingZeros(all);
    }

    private static int folded(int word) {
        return word << 1 ^ word >> 31;
    }
}
