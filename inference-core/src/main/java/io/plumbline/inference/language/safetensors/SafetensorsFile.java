package io.plumbline.inference.language.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A memory-mapped safetensors file. Nothing is copied to the heap; the mapping lives as long as its arena. */
public final class SafetensorsFile {
    /** Largest header that is read. */
    private static final long MAX_HEADER_BYTES = 100L << 20;

    /** Dimensions of a tensor; models have four at most. */
    private static final int MAX_DIMENSIONS = 16;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path path;
    private final Map<String, Tensor> tensors = new TreeMap<>();

    /**
     * One tensor.
     *
     * @param name in the file.
     * @param dtype as the format spells it: I8, BF16, F16, F32.
     * @param shape row-major.
     * @param bytes mapped.
     */
    public record Tensor(String name, String dtype, int[] shape, MemorySegment bytes) {}

    private SafetensorsFile(Path path) {
        this.path = path;
    }

    /** Maps {@code path}, checking that every tensor lies inside it and has the bytes its shape asks for. */
    public static SafetensorsFile map(Path path, Arena arena) throws IOException {
        SafetensorsFile file = new SafetensorsFile(path);
        ModelFolder.requireContents(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size < 8) {
                throw file.damaged("it has only " + size + " bytes");
            }
            MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            long header = all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
            if (header < 2 || header > Math.min(MAX_HEADER_BYTES, size - 8)) {
                throw file.damaged("its header claims " + header + " bytes, the file has " + size);
            }
            file.readHeader(all.asSlice(8, header).toArray(ValueLayout.JAVA_BYTE), all.asSlice(8 + header));
            return file;
        } catch (NoSuchFileException e) {
            throw new IOException(
                    path + " does not exist. A model is a folder with config.json, tokenizer.json and "
                            + "model.safetensors.",
                    e);
        }
    }

    /** Reads the header as it streams by: as a tree it would take a hundred times its own memory. */
    private void readHeader(byte[] json, MemorySegment data) throws IOException {
        try (JsonParser in = JSON.createParser(json)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                throw damaged("its header is not an object");
            }
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                in.nextToken();
                if (name.equals("__metadata__")) {
                    in.skipChildren();
                } else {
                    tensors.put(name, tensor(name, in, data));
                }
            }
            if (in.nextToken() != null) {
                throw damaged("something follows its header's end");
            }
            requireApart();
        } catch (JsonProcessingException e) {
            throw damaged("its header is not JSON: " + e.getOriginalMessage());
        }
    }

    private void requireApart() throws IOException {
        List<Tensor> all = new ArrayList<>(tensors.values());
        all.sort(Comparator.comparingLong(tensor -> tensor.bytes().address()));
        for (int i = 1; i < all.size(); i++) {
            MemorySegment before = all.get(i - 1).bytes();
            if (before.address() + before.byteSize() > all.get(i).bytes().address()) {
                throw damaged("tensors \"" + all.get(i - 1).name() + "\" and \""
                        + all.get(i).name() + "\" have bytes in common");
            }
        }
    }

    private Tensor tensor(String name, JsonParser in, MemorySegment data) throws IOException {
        if (in.currentToken() != JsonToken.START_OBJECT) {
            throw damaged("tensor \"" + name + "\" is not described by an object");
        }
        String dtype = "";
        long[] shape = {};
        long[] offsets = {};
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String field = in.currentName();
            in.nextToken();
            switch (field) {
                case "dtype" -> dtype = in.getText();
                case "shape" -> shape = numbers(name, in);
                case "data_offsets" -> offsets = numbers(name, in);
                default -> in.skipChildren();
            }
        }
        if (offsets.length != 2) {
            throw damaged("tensor \"" + name + "\" has no data_offsets");
        }
        return tensor(name, dtype, shape, offsets[0], offsets[1], data);
    }

    private Tensor tensor(String name, String dtype, long[] sizes, long from, long to, MemorySegment data)
            throws IOException {
        int[] shape = new int[sizes.length];
        // Types that the format has had since: a tensor of one may be there that nothing needs.
        boolean isKnown = true;
        long bytes = 1;
        switch (dtype) {
            case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0" -> bytes = 1;
            case "BF16", "F16", "I16", "U16" -> bytes = 2;
            case "F32", "I32", "U32" -> bytes = 4;
            case "F64", "I64", "U64", "C64" -> bytes = 8;
            default -> isKnown = false;
        }
        boolean fits = from >= 0 && to >= from && to <= data.byteSize();
        for (int i = 0; i < shape.length; i++) {
            fits &= sizes[i] >= 0
                    && sizes[i] <= Integer.MAX_VALUE
                    && Math.multiplyHigh(bytes, sizes[i]) == 0
                    && bytes * sizes[i] >= 0;
            shape[i] = (int) sizes[i];
            bytes *= sizes[i];
        }
        if (!fits || isKnown && to - from != bytes) {
            throw damaged("tensor \"" + name + "\" of shape " + Arrays.toString(sizes) + " does not fit bytes " + from
                    + " to " + to + " of " + data.byteSize());
        }
        return new Tensor(name, dtype, shape, data.asSlice(from, to - from));
    }

    private long[] numbers(String name, JsonParser in) throws IOException {
        long[] numbers = new long[MAX_DIMENSIONS];
        int count = 0;
        if (in.currentToken() != JsonToken.START_ARRAY) {
            throw damaged("tensor \"" + name + "\" has a shape or data_offsets that is no list");
        }
        while (in.nextToken() != JsonToken.END_ARRAY) {
            if (in.currentToken() != JsonToken.VALUE_NUMBER_INT || count == MAX_DIMENSIONS) {
                throw damaged("tensor \"" + name + "\" has a shape that is not a list of at most " + MAX_DIMENSIONS
                        + " sizes");
            }
            numbers[count++] = in.getLongValue();
        }
        return Arrays.copyOf(numbers, count);
    }

    private IOException damaged(String why) {
        return new IOException(
                path + ": " + why + ". The file is damaged or not a safetensors file. Nothing was loaded.");
    }

    public Set<String> names() {
        return tensors.keySet();
    }

    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /** The named tensor, whatever it is; null where there is none. */
    public Tensor tensor(String name) {
        return tensors.get(name);
    }

    /** The named tensor, of exactly this shape, or an error that says what is there. */
    public Tensor require(String name, int... shape) throws IOException {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IOException(path + " has no tensor \"" + name
                    + "\". The file is damaged or belongs to another model. " + "Nothing was loaded.");
        }
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new IOException(path + ": tensor \"" + name + "\" has shape " + Arrays.toString(tensor.shape())
                    + "; config.json asks for " + Arrays.toString(shape)
                    + ". The file is damaged or belongs to another model. Nothing was loaded.");
        }
        return tensor;
    }
}
