package io.plumbline.inference.language.safetensors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes a safetensors file tensor by tensor: the shapes are declared first, then the bytes follow in the same order.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private final OutputStream out;
    private final Map<String, Long> remaining;

    /** One tensor to come. */
    public record Declared(String dtype, int[] shape, long bytes) {}

    /** Opens {@code path} and writes the header. */
    public SafetensorsWriter(Path path, Map<String, Declared> tensors) throws IOException {
        remaining = new LinkedHashMap<>();
        tensors.forEach((name, declared) -> remaining.put(name, declared.bytes()));
        byte[] header = header(tensors);
        out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20);
        out.write(header);
    }

    /** The beginning of a file that has these tensors, one after the other behind it. */
    public static byte[] header(Map<String, Declared> tensors) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.putObject("__metadata__").put("format", "pt");
        long offset = 0;
        for (Map.Entry<String, Declared> entry : tensors.entrySet()) {
            Declared declared = entry.getValue();
            ObjectNode node = root.putObject(entry.getKey());
            node.put("dtype", declared.dtype());
            node.set("shape", mapper.valueToTree(declared.shape()));
            node.set("data_offsets", mapper.valueToTree(new long[] {offset, offset + declared.bytes()}));
            offset += declared.bytes();
        }
        byte[] json = mapper.writeValueAsBytes(root);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer header = ByteBuffer.allocate(8 + padded)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(padded)
                .put(json);
        while (header.hasRemaining()) {
            header.put((byte) ' ');
        }
        return header.array();
    }

    /** Appends bytes of the tensor whose turn it is. */
    public void write(String name, byte[] bytes, int length) throws IOException {
        Map.Entry<String, Long> next = remaining.entrySet().iterator().next();
        if (!next.getKey().equals(name) || next.getValue() < length) {
            throw new IllegalStateException(
                    "It is the turn of " + next + ", not of " + length + " bytes of " + name + ".");
        }
        out.write(bytes, 0, length);
        if (next.getValue() == length) {
            remaining.remove(name);
        } else {
            next.setValue(next.getValue() - length);
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
