package io.plumbline.inference.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A memory-mapped safetensors file. Nothing is copied to the heap; the mapping lives as long as its arena. */
public final class SafetensorsFile {
    /** Largest header that is read. */
    private static final long MAX_HEADER_BYTES = 100L << 20;

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

    private void readHeader(byte[] json, MemorySegment data) throws IOException {
        JsonNode root;
        try {
            root = new ObjectMapper().readTree(json);
        } catch (IOException e) {
            throw damaged("its header is not JSON");
        }
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (!entry.getKey().equals("__metadata__")) {
                tensors.put(entry.getKey(), tensor(entry.getKey(), entry.getValue(), data));
            }
        }
    }

    private Tensor tensor(String name, JsonNode node, MemorySegment data) throws IOException {
        String dtype = node.path("dtype").asText();
        JsonNode offsets = node.path("data_offsets");
        long from = offsets.path(0).asLong(-1);
        long to = offsets.path(1).asLong(-1);
        int[] shape = new int[node.path("shape").size()];
        long elements = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = node.path("shape").get(i).asInt(-1);
            if (shape[i] < 0) {
                throw damaged("tensor \"" + name + "\" has a shape that is not a list of sizes");
            }
            elements *= shape[i];
        }
        int width = switch (dtype) {
            case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2" -> 1;
            case "BF16", "F16", "I16", "U16" -> 2;
            case "F64", "I64", "U64" -> 8;
            default -> 4;
        };
        if (from < 0 || to < from || to > data.byteSize() || to - from != elements * width) {
            throw damaged("tensor \"" + name + "\" of shape " + Arrays.toString(shape) + " does not fit bytes " + from
                    + " to " + to + " of " + data.byteSize());
        }
        return new Tensor(name, dtype, shape, data.asSlice(from, to - from));
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
