package io.plumbline.inference.language.gguf;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads a GGUF file's header from front to back. A count or a length is believed only as far as the file has bytes for
 * it, and all values together take memory only up to a bound that no model comes near. Reading past the file's end
 * throws {@link IndexOutOfBoundsException}.
 */
final class GgufReader {
    /** Type code of an array. */
    private static final int ARRAY = 9;

    /** Fewest bytes that a value of each type takes, by type code; a text is at least its length. */
    private static final int[] LEAST_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};

    /** Values in all arrays; a vocabulary of 256,000 has about a million with scores, types and merges. */
    private static final long MAX_VALUES = 4 << 20;

    /** Bytes of all texts; a whole tokenizer.json may be among them. */
    private static final long MAX_TEXT_BYTES = 128 << 20;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final MemorySegment all;
    private long at;
    private long values;
    private long textBytes;

    GgufReader(Path path, MemorySegment all) {
        this.path = path;
        this.all = all;
    }

    /** Bytes read so far. */
    long position() {
        return at;
    }

    /** An error that says what is wrong with the file. */
    IOException damaged(String why) {
        return new IOException(path + ": " + why + ". The file is damaged or not a GGUF file. Nothing was loaded.");
    }

    int nextInt() {
        at += 4;
        return all.get(INT, at - 4);
    }

    long nextLong() {
        at += 8;
        return all.get(LONG, at - 8);
    }

    /**
     * How many of something follow.
     *
     * @param leastBytes that each takes in the file.
     * @param most that any model has.
     */
    long nextCount(String what, int leastBytes, long most) throws IOException {
        long count = nextLong();
        if (count < 0 || count > most) {
            throw damaged("its header counts " + Long.toUnsignedString(count) + " " + what + "; no model has more than "
                    + most);
        }
        if (count > (all.byteSize() - at) / leastBytes) {
            throw damaged("its header counts " + count + " " + what + ", more than the file has bytes for");
        }
        return count;
    }

    String nextText() throws IOException {
        long length = nextLong();
        if (length < 0 || length > all.byteSize() - at) {
            throw damaged("a text claims " + Long.toUnsignedString(length) + " bytes");
        }
        textBytes += length;
        if (textBytes > MAX_TEXT_BYTES) {
            throw damaged("its texts have more than " + MAX_TEXT_BYTES + " bytes; no model's have");
        }
        byte[] bytes = all.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
        at += length;
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** A number, text, boolean, or array of these. */
    Object nextValue() throws IOException {
        int type = nextInt();
        return type == ARRAY ? nextArray() : nextPlain(type);
    }

    private Object[] nextArray() throws IOException {
        int type = nextInt();
        if (type == ARRAY) {
            throw damaged("it has arrays in an array; no model has");
        }
        if (type < 0 || type >= LEAST_BYTES.length) {
            throw unknown(type);
        }
        Object[] array = new Object[(int) nextCount("values in an array", LEAST_BYTES[type], MAX_VALUES - values)];
        values += array.length;
        for (int i = 0; i < array.length; i++) {
            array[i] = nextPlain(type);
        }
        return array;
    }

    private Object nextPlain(int type) throws IOException {
        return switch (type) {
            case 0, 1 -> (int) all.get(ValueLayout.JAVA_BYTE, at++);
            case 2, 3 -> {
                at += 2;
                yield (int) all.get(SHORT, at - 2);
            }
            case 4, 5 -> nextInt();
            case 6 -> Float.intBitsToFloat(nextInt());
            case 7 -> all.get(ValueLayout.JAVA_BYTE, at++) != 0;
            case 8 -> nextText();
            case 10, 11 -> nextLong();
            case 12 -> Double.longBitsToDouble(nextLong());
            default -> throw unknown(type);
        };
    }

    private IOException unknown(int type) {
        return damaged("a value has the unknown type " + type);
    }
}
