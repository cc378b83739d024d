package io.plumbline.inference.language.gguf;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a GGUF file, version 3, tensor by tensor; so that a model can be measured in other engines at the same size.
 */
public final class GgufWriter implements AutoCloseable {
    private static final int ALIGNMENT = 32;

    private final OutputStream out;
    private final Iterator<Map.Entry<String, Declared>> next;
    private long at;

    /** One tensor to come, shape row-major. */
    public record Declared(GgufType type, int... shape) {
        long bytes() {
            long elements = 1;
            for (int size : shape) {
                elements *= size;
            }
            return type.bytes(elements);
        }
    }

    /**
     * Opens {@code path} and writes the header.
     *
     * @param metadata values: Integer (as u32), Float, String, Boolean, List of String, Integer or Float.
     */
    public GgufWriter(Path path, Map<String, Object> metadata, Map<String, Declared> tensors) throws IOException {
        this.out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20);
        putInt(GgufFile.MAGIC);
        putInt(3);
        putLong(tensors.size());
        putLong(metadata.size());
        for (Map.Entry<String, Object> entry : metadata.entrySet()) {
            putText(entry.getKey());
            putInt(typeOf(entry.getValue()));
            putValue(entry.getValue());
        }
        long offset = 0;
        for (Map.Entry<String, Declared> entry : tensors.entrySet()) {
            Declared declared = entry.getValue();
            putText(entry.getKey());
            putInt(declared.shape().length);
            for (int d = declared.shape().length - 1; d >= 0; d--) {
                putLong(declared.shape()[d]);
            }
            putInt(declared.type().code());
            putLong(offset);
            offset += padded(declared.bytes());
        }
        pad();
        this.next = new LinkedHashMap<>(tensors).entrySet().iterator();
    }

    private static long padded(long n) {
        return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Rows of the tensor whose turn it is. */
    public interface Rows {
        /** Bytes of row {@code r} in the tensor's type. */
        byte[] row(int r) throws IOException;
    }

    /** Writes the tensor whose turn it is, {@code rows} rows. */
    public void write(String name, int rows, Rows source) throws IOException {
        Map.Entry<String, Declared> turn = next.next();
        if (!turn.getKey().equals(name)) {
            throw new IllegalStateException("It is the turn of " + turn.getKey() + ", not of " + name + ".");
        }
        long begin = at;
        for (int r = 0; r < rows; r++) {
            put(source.row(r));
        }
        if (at - begin != turn.getValue().bytes()) {
            throw new IllegalStateException(
                    name + " has " + turn.getValue().bytes() + " bytes, not " + (at - begin) + ".");
        }
        pad();
    }

    /** One row of floats in blocks of 32 int8 values with an f16 scale. */
    public static byte[] q8Row(float[] row) {
        int size = GgufType.Q8_0.blockElements();
        ByteBuffer bytes =
                ByteBuffer.allocate((int) GgufType.Q8_0.bytes(row.length)).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < row.length; k += size) {
            float largest = 0;
            for (int i = 0; i < size; i++) {
                largest = Math.max(largest, Math.abs(row[k + i]));
            }
            float scale = largest / 127f;
            float inverse = scale == 0 ? 0 : 1f / scale;
            bytes.putShort(Float.floatToFloat16(scale));
            for (int i = 0; i < size; i++) {
                bytes.put((byte) Math.rint(row[k + i] * inverse));
            }
        }
        return bytes.array();
    }

    /**
     * One row of floats in blocks of 32 values of four bits with an f16 scale: the value of the greatest magnitude
     * becomes -8, as ggml's reference has it.
     */
    public static byte[] q4Row(float[] row) {
        int size = GgufType.Q4_0.blockElements();
        ByteBuffer bytes =
                ByteBuffer.allocate((int) GgufType.Q4_0.bytes(row.length)).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < row.length; k += size) {
            float greatest = 0;
            for (int i = 0; i < size; i++) {
                greatest = Math.abs(row[k + i]) > Math.abs(greatest) ? row[k + i] : greatest;
            }
            float scale = greatest / -8f;
            float inverse = scale == 0 ? 0 : 1f / scale;
            bytes.putShort(Float.floatToFloat16(scale));
            for (int i = 0; i < size / 2; i++) {
                int low = Math.min(15, (int) (row[k + i] * inverse + 8.5f));
                int high = Math.min(15, (int) (row[k + size / 2 + i] * inverse + 8.5f));
                bytes.put((byte) (low | high << 4));
            }
        }
        return bytes.array();
    }

    private void pad() throws IOException {
        put(new byte[(int) (padded(at) - at)]);
    }

    private static int typeOf(Object value) {
        return switch (value) {
            case Integer i -> 4;
            case Float f -> 6;
            case Boolean b -> 7;
            case String s -> 8;
            case List<?> l -> 9;
            default -> throw new IllegalArgumentException("No GGUF type for " + value.getClass() + ".");
        };
    }

    private void putValue(Object value) throws IOException {
        switch (value) {
            case Integer i -> putInt(i);
            case Float f -> putInt(Float.floatToRawIntBits(f));
            case Boolean b -> put(new byte[] {(byte) (b ? 1 : 0)});
            case String s -> putText(s);
            case List<?> list -> {
                // Arrays of whole numbers are int32 in files by convention.
                int type = list.isEmpty() ? 8 : typeOf(list.getFirst());
                putInt(type == 4 ? 5 : type);
                putLong(list.size());
                for (Object element : list) {
                    putValue(element);
                }
            }
            default -> throw new IllegalArgumentException("No GGUF type for " + value.getClass() + ".");
        }
    }

    private void putInt(int value) throws IOException {
        put(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    private void putLong(long value) throws IOException {
        put(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }

    private void putText(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        putLong(bytes.length);
        put(bytes);
    }

    private void put(byte[] bytes) throws IOException {
        out.write(bytes);
        at += bytes.length;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
