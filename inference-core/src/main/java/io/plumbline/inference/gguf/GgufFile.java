package io.plumbline.inference.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** A memory-mapped GGUF file, version 2 or 3, little endian. Source: the format's specification in the ggml repository. */
final class GgufFile {
    static final int MAGIC = 0x46554747; // "GGUF"

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** More entries than any model has; a count above it is damage. */
    private static final long MOST_ENTRIES = 10_000_000;

    private final Path path;
    private final MemorySegment all;
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private long at;

    /**
     * One tensor.
     *
     * @param type null where it is of a type that is not taken; {@code code} says which.
     * @param shape row-major, the reverse of how the file spells it.
     * @param bytes mapped, null where the type is not taken.
     */
    record Tensor(String name, GgufType type, int code, int[] shape, MemorySegment bytes) {}

    private GgufFile(Path path, MemorySegment all) {
        this.path = path;
        this.all = all;
    }

    static GgufFile map(Path path, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            GgufFile file = new GgufFile(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            file.read();
            return file;
        } catch (java.nio.file.NoSuchFileException e) {
            throw new IOException(path + " does not exist.", e);
        }
    }

    private void read() throws IOException {
        try {
            if (nextInt() != MAGIC) {
                throw damaged("it does not begin with GGUF");
            }
            int version = nextInt();
            if (version != 2 && version != 3) {
                throw damaged("it is of version " + version + ", 2 and 3 are read");
            }
            long tensorCount = count(nextLong());
            long entries = count(nextLong());
            for (long i = 0; i < entries; i++) {
                String key = nextText();
                metadata.put(key, nextValue(nextInt()));
            }
            readTensors(tensorCount);
        } catch (IndexOutOfBoundsException e) {
            throw damaged("it ends before its header does");
        }
    }

    private void readTensors(long count) throws IOException {
        Map<String, long[]> places = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            String name = nextText();
            int dimensions = nextInt();
            if (dimensions < 0 || dimensions > 4) {
                throw damaged("tensor \"" + name + "\" has " + dimensions + " dimensions");
            }
            long[] place = new long[dimensions + 2];
            for (int d = 0; d < dimensions; d++) {
                place[dimensions - 1 - d] = nextLong();
            }
            place[dimensions] = nextInt();
            place[dimensions + 1] = nextLong();
            places.put(name, place);
        }
        long alignment = metadata.get("general.alignment") instanceof Number n ? n.longValue() : 32;
        if (alignment <= 0) {
            throw damaged("its alignment is " + alignment);
        }
        long data = (at + alignment - 1) / alignment * alignment;
        for (Map.Entry<String, long[]> entry : places.entrySet()) {
            long[] place = entry.getValue();
            int dimensions = place.length - 2;
            int[] shape = new int[dimensions];
            long elements = 1;
            for (int d = 0; d < dimensions; d++) {
                if (place[d] <= 0 || place[d] > Integer.MAX_VALUE) {
                    throw damaged("tensor \"" + entry.getKey() + "\" has a dimension of " + place[d]);
                }
                shape[d] = (int) place[d];
                elements = Math.multiplyExact(elements, place[d]);
            }
            int code = (int) place[dimensions];
            GgufType type = GgufType.of(code);
            MemorySegment bytes = null;
            if (type != null) {
                long size = type.bytes(elements);
                long from = data + place[dimensions + 1];
                int inner = dimensions == 0 ? 1 : shape[dimensions - 1];
                if (place[dimensions + 1] < 0 || from > all.byteSize() - size || inner % type.blockElements() != 0) {
                    throw damaged("tensor \"" + entry.getKey() + "\" of shape " + Arrays.toString(shape)
                            + " does not fit the file of " + all.byteSize() + " bytes");
                }
                bytes = all.asSlice(from, size);
            }
            tensors.put(entry.getKey(), new Tensor(entry.getKey(), type, code, shape, bytes));
        }
    }

    private IOException damaged(String why) {
        return new IOException(path + ": " + why + ". The file is damaged or not a GGUF file. Nothing was loaded.");
    }

    private long count(long n) throws IOException {
        if (n < 0 || n > MOST_ENTRIES) {
            throw damaged("its header counts " + n + " entries");
        }
        return n;
    }

    private int nextInt() {
        at += 4;
        return all.get(INT, at - 4);
    }

    private long nextLong() {
        at += 8;
        return all.get(LONG, at - 8);
    }

    private String nextText() throws IOException {
        long length = nextLong();
        if (length < 0 || length > all.byteSize() - at) {
            throw damaged("a text claims " + length + " bytes");
        }
        byte[] bytes = all.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
        at += length;
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private Object nextValue(int type) throws IOException {
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
            case 9 -> {
                int element = nextInt();
                Object[] values = new Object[Math.toIntExact(count(nextLong()))];
                for (int i = 0; i < values.length; i++) {
                    values[i] = nextValue(element);
                }
                yield values;
            }
            case 10, 11 -> nextLong();
            case 12 -> Double.longBitsToDouble(nextLong());
            default -> throw damaged("a value has the unknown type " + type);
        };
    }

    Path path() {
        return path;
    }

    /** The named tensor or null. */
    Tensor tensor(String name) {
        return tensors.get(name);
    }

    /** A number, text, boolean or array of these; null where there is none. */
    Object value(String key) {
        return metadata.get(key);
    }

    /** The named array. */
    Object[] array(String key) throws IOException {
        if (metadata.get(key) instanceof Object[] values) {
            return values;
        }
        throw damaged("it has no array " + key);
    }

    /** A whole number, or {@code otherwise} where there is none. */
    int integer(String key, int otherwise) {
        return metadata.get(key) instanceof Number number ? number.intValue() : otherwise;
    }

    String text(String key, String otherwise) {
        return metadata.get(key) instanceof String text ? text : otherwise;
    }
}
