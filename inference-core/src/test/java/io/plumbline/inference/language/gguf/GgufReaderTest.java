package io.plumbline.inference.language.gguf;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.importer.ModelImport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A GGUF file that claims more than it holds, or nests what no model nests, is refused before it takes memory or stack.
 */
class GgufReaderTest {
    private static final int UINT8 = 0;
    private static final int UINT32 = 4;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    @TempDir
    Path folder;

    /** Bytes of a header in the making. */
    private static final class Header {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Header(long tensors, long entries) {
            text4("GGUF").putInt(3).putLong(tensors).putLong(entries);
        }

        private Header text4(String text) {
            bytes.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
            return this;
        }

        Header putInt(int value) {
            bytes.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }

        Header putLong(long value) {
            bytes.writeBytes(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
            return this;
        }

        Header putText(String text) {
            putLong(text.length());
            return text4(text);
        }

        /** A tensor of type F32. */
        Header putTensor(String name, long offset, long... shape) {
            putText(name).putInt(shape.length);
            for (long size : shape) {
                putLong(size);
            }
            return putInt(0).putLong(offset);
        }

        Header putZeros(int count) {
            bytes.writeBytes(new byte[count]);
            return this;
        }
    }

    private static Header deep(int levels) {
        Header header = new Header(0, 1).putText("a").putInt(ARRAY);
        for (int i = 0; i < levels; i++) {
            header.putInt(ARRAY).putLong(1);
        }
        return header.putInt(UINT8).putLong(0);
    }

    private static Header wide(int levels) {
        Header header = new Header(0, 1).putText("a").putInt(ARRAY);
        for (int i = 0; i < levels; i++) {
            header.putInt(ARRAY).putLong(10_000_000);
        }
        return header;
    }

    static Stream<Arguments> attacks() {
        return Stream.of(
                Arguments.of("has arrays in an array", deep(200_000)),
                Arguments.of("has arrays in an array", deep(1)),
                Arguments.of("has arrays in an array", wide(400)),
                Arguments.of(
                        "values in an array, more than the file has bytes for",
                        new Header(0, 1)
                                .putText("a")
                                .putInt(ARRAY)
                                .putInt(UINT32)
                                .putLong(3_000_000)),
                Arguments.of(
                        "values in an array, more than the file has bytes for",
                        new Header(0, 1)
                                .putText("a")
                                .putInt(ARRAY)
                                .putInt(STRING)
                                .putLong(100)
                                .putZeros(700)),
                Arguments.of(
                        "no model has more than",
                        new Header(0, 1)
                                .putText("a")
                                .putInt(ARRAY)
                                .putInt(UINT8)
                                .putLong(6_000_000)
                                .putZeros(6_000_000)),
                Arguments.of(
                        "no model has more than",
                        new Header(0, 2)
                                .putText("a")
                                .putInt(ARRAY)
                                .putInt(UINT8)
                                .putLong(3_000_000)
                                .putZeros(3_000_000)
                                .putText("b")
                                .putInt(ARRAY)
                                .putInt(UINT8)
                                .putLong(3_000_000)
                                .putZeros(3_000_000)),
                Arguments.of(
                        "no model has more than",
                        new Header(0, 1)
                                .putText("a")
                                .putInt(ARRAY)
                                .putInt(UINT8)
                                .putLong(-1)),
                Arguments.of("18446744073709551615 tensors", new Header(-1, 0)),
                Arguments.of("60000 tensors, more than the file has bytes for", new Header(60_000, 0)),
                Arguments.of("60000 entries, more than the file has bytes for", new Header(0, 60_000)),
                Arguments.of("100000000 entries", new Header(0, 100_000_000).putZeros(1000)),
                Arguments.of("a text claims", new Header(0, 1).putLong(1L << 40).putZeros(9)),
                Arguments.of("a text claims", new Header(0, 1).putLong(-5).putZeros(9)),
                Arguments.of("unknown type 13", new Header(0, 1).putText("a").putInt(13)),
                Arguments.of(
                        "unknown type -1",
                        new Header(0, 1).putText("a").putInt(ARRAY).putInt(-1).putLong(1)),
                Arguments.of(
                        "\"a\" twice",
                        new Header(0, 2)
                                .putText("a")
                                .putInt(UINT8)
                                .putZeros(1)
                                .putText("a")
                                .putInt(UINT8)
                                .putZeros(9)),
                Arguments.of("ends before its header does", new Header(0, 1).putText("abcdefgh")),
                Arguments.of(
                        "tensor \"t\" twice",
                        new Header(2, 0)
                                .putTensor("t", 0, 1)
                                .putTensor("t", 0, 1)
                                .putZeros(99)),
                Arguments.of(
                        "a shape that no tensor can have",
                        new Header(1, 0)
                                .putTensor("t", 0, 1L << 30, 1L << 30, 1L << 30)
                                .putZeros(99)),
                Arguments.of(
                        "does not fit the file",
                        new Header(1, 0).putTensor("t", 0, 1 << 30, 1 << 30).putZeros(99)),
                Arguments.of(
                        "does not fit the file",
                        new Header(1, 0).putTensor("t", Long.MAX_VALUE, 4).putZeros(99)),
                Arguments.of(
                        "does not fit the file",
                        new Header(1, 0).putTensor("t", -64, 4).putZeros(99)),
                Arguments.of(
                        "its alignment is",
                        new Header(1, 1)
                                .putText("general.alignment")
                                .putInt(10)
                                .putLong(Long.MAX_VALUE)
                                .putTensor("t", 0, 4)
                                .putZeros(99)));
    }

    @ParameterizedTest(name = "{index}: {0}")
    @MethodSource("attacks")
    void itIsRefusedInOneLineAndNothingIsLeft(String why, Header header) throws IOException {
        Path file = Files.write(folder.resolve("attack.gguf"), header.bytes.toByteArray());
        Path target = folder.resolve("to");
        String message = assertThrows(IOException.class, () -> ModelImport.run(file, target, share -> {}))
                .getMessage();
        assertTrue(message.startsWith(file + ": "), message);
        assertTrue(message.contains(why), message);
        assertTrue(message.endsWith("Nothing was loaded."), message);
        assertFalse(message.contains("\n"), message);
        try (Stream<Path> left = Files.list(folder)) {
            assertTrue(left.toList().equals(List.of(file)), "nothing half-done is left");
        }
    }
}
