package io.plumbline.inference.language.gguf;

import io.plumbline.inference.language.checkpoint.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A memory-mapped GGUF file, version 2 or 3, little endian. Source: the format's specification in the ggml repository.
 */
final class GgufFile {
    static final int MAGIC = 0x46554747; // "GGUF"

    /** Metadata entries; models have some dozens. */
    private static final long MAX_ENTRIES = 1 << 16;

    /** Tensors; the largest models have some thousands. */
    private static final long MAX_TENSORS = 1 << 18;

    /** Bytes that a metadata entry takes at least: a name's length, a type, a value. */
    private static final int ENTRY_BYTES = 8 + 4 + 1;

    /** Bytes that a tensor takes at least in the header: a name's length, no dimensions, a type, an offset. */
    private static final int TENSOR_BYTES = 8 + 4 + 4 + 8;

    private static final long MAX_ALIGNMENT = 1 << 20;

    private final Path path;
    private final MemorySegment all;
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final GgufReader in;

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
        this.in = new GgufReader(path, all);
    }

    static GgufFile map(Path path, Arena arena) throws IOException {
        ModelFolder.requireContents(path);
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
            if (in.nextInt() != MAGIC) {
                throw in.damaged("it does not begin with GGUF");
            }
            int version = in.nextInt();
            if (Integer.reverseBytes(version) == 2 || Integer.reverseBytes(version) == 3) {
                throw new IOException(path + " is a big-endian GGUF file, which is not read. Get the little-endian one."
                        + " Nothing was loaded.");
            }
            if (version != 2 && version != 3) {
                throw in.damaged("it is of version " + version + ", 2 and 3 are read");
            }
            long tensorCount = in.nextCount("tensors", TENSOR_BYTES, MAX_TENSORS);
            long entries = in.nextCount("entries", ENTRY_BYTES, MAX_ENTRIES);
            for (long i = 0; i < entries; i++) {
                String key = in.nextText();
                if (metadata.put(key, in.nextValue()) != null) {
                    throw in.damaged("it has \"" + key + "\" twice");
                }
            }
            readTensors(tensorCount);
        } catch (IndexOutOfBoundsException e) {
            throw in.damaged("it ends before its header does");
        }
    }

    private void readTensors(long count) throws IOException {
        Map<String, long[]> places = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            String name = in.nextText();
            int dimensions = in.nextInt();
            if (dimensions < 0 || dimensions > 4) {
                throw in.damaged("tensor \"" + name + "\" has " + dimensions + " dimensions");
            }
            long[] place = new long[dimensions + 2];
            for (int d = 0; d < dimensions; d++) {
                place[dimensions - 1 - d] = in.nextLong();
            }
            place[dimensions] = in.nextInt();
            place[dimensions + 1] = in.nextLong();
            if (places.put(name, place) != null) {
                throw in.damaged("it has tensor \"" + name + "\" twice");
            }
        }
        long alignment = metadata.get("general.alignment") instanceof Number n ? n.longValue() : 32;
        if (alignment <= 0 || alignment > MAX_ALIGNMENT) {
            throw in.damaged("its alignment is " + alignment);
        }
        long data = (in.position() + alignment - 1) / alignment * alignment;
        for (Map.Entry<String, long[]> entry : places.entrySet()) {
            long[] place = entry.getValue();
            int dimensions = place.length - 2;
            int[] shape = new int[dimensions];
            long elements = 1;
            for (int d = 0; d < dimensions; d++) {
                if (place[d] <= 0 || place[d] > Integer.MAX_VALUE) {
                    throw in.damaged("tensor \"" + entry.getKey() + "\" has a dimension of " + place[d]);
                }
                shape[d] = (int) place[d];
                if (Math.multiplyHigh(elements, place[d]) != 0 || elements * place[d] < 0) {
                    throw in.damaged("tensor \"" + entry.getKey() + "\" has a shape that no tensor can have");
                }
                elements *= place[d];
            }
            int code = (int) place[dimensions];
            GgufType type = GgufType.of(code);
            MemorySegment bytes = null;
            if (type != null) {
                long offset = place[dimensions + 1];
                int inner = dimensions == 0 ? 1 : shape[dimensions - 1];
                long left = all.byteSize() - data - offset;
                // Elements are compared before they become bytes, which could overflow.
                boolean fits = offset >= 0
                        && offset <= all.byteSize()
                        && left >= 0
                        && elements / type.blockElements() <= left / type.blockBytes();
                if (!fits || inner % type.blockElements() != 0) {
                    throw in.damaged("tensor \"" + entry.getKey() + "\" of shape " + Arrays.toString(shape)
                            + " does not fit the file of " + all.byteSize() + " bytes");
                }
                bytes = all.asSlice(data + offset, type.bytes(elements));
            }
            tensors.put(entry.getKey(), new Tensor(entry.getKey(), type, code, shape, bytes));
        }
    }

    Path path() {
        return path;
    }

    /** Takes the tensors of another part of the same model. */
    void join(GgufFile part) throws IOException {
        for (Tensor tensor : part.tensors.values()) {
            if (tensors.put(tensor.name(), tensor) != null) {
                throw part.in.damaged("it has tensor \"" + tensor.name() + "\", which another part has too");
            }
        }
    }

    /** Names of all tensors. */
    Set<String> names() {
        return tensors.keySet();
    }

    /** Names of all metadata. */
    Set<String> keys() {
        return metadata.keySet();
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
        throw in.damaged("it has no array " + key);
    }

    /** A whole number, or {@code otherwise} where there is none. */
    int integer(String key, int otherwise) {
        return metadata.get(key) instanceof Number number ? number.intValue() : otherwise;
    }

    String text(String key, String otherwise) {
        return metadata.get(key) instanceof String text ? text : otherwise;
    }
}
