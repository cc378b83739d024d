package io.plumbline.inference.tensor.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A Protocol Buffers message as its fields, in order, whatever they mean: enough to read and rewrite ONNX without its
 * schema, which has many more fields than are needed here. Weights are views of the file, not copies.
 */
final class Proto {
    /** A field: a number for wire types 0, 1 and 5, bytes for 2. */
    record Field(int number, int wireType, long value, ByteString bytes) {}

    /** Fields of one message; each takes some forty bytes here and may take two in the file. */
    private static final int MAX_FIELDS = 1 << 24;

    /** No runtime takes more. */
    private static final int MAX_DIMENSIONS = 64;

    private final List<Field> fields = new ArrayList<>();

    static Proto parse(ByteString bytes) throws IOException {
        Proto proto = new Proto();
        CodedInputStream in = bytes.newCodedInput();
        in.enableAliasing(true);
        in.setSizeLimit(Integer.MAX_VALUE);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (proto.fields.size() == MAX_FIELDS) {
                throw new IOException("a message has more than " + MAX_FIELDS + " fields");
            }
            int number = WireFormat.getTagFieldNumber(tag);
            int type = WireFormat.getTagWireType(tag);
            switch (type) {
                case WireFormat.WIRETYPE_VARINT ->
                    proto.fields.add(new Field(number, type, in.readRawVarint64(), null));
                case WireFormat.WIRETYPE_FIXED64 ->
                    proto.fields.add(new Field(number, type, in.readRawLittleEndian64(), null));
                case WireFormat.WIRETYPE_FIXED32 ->
                    proto.fields.add(new Field(number, type, in.readRawLittleEndian32(), null));
                case WireFormat.WIRETYPE_LENGTH_DELIMITED ->
                    proto.fields.add(new Field(number, type, 0, in.readBytes()));
                default -> throw new IOException("field " + number + " has wire type " + type);
            }
        }
        return proto;
    }

    /**
     * Refuses fields of one value that stand more than once: some readers take the last, others put them together.
     *
     * @param what the message is, for the error.
     */
    Proto once(String what, int... numbers) throws IOException {
        for (int number : numbers) {
            if (fields.stream().filter(field -> field.number == number).count() > 1) {
                throw new IOException(what + " has field " + number + " twice: it may be read in two ways");
            }
        }
        return this;
    }

    ByteString toBytes() throws IOException {
        ByteString.Output bytes = ByteString.newOutput();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        for (Field field : fields) {
            out.writeTag(field.number, field.wireType);
            switch (field.wireType) {
                case WireFormat.WIRETYPE_VARINT -> out.writeUInt64NoTag(field.value);
                case WireFormat.WIRETYPE_FIXED64 -> out.writeFixed64NoTag(field.value);
                case WireFormat.WIRETYPE_FIXED32 -> out.writeFixed32NoTag((int) field.value);
                default -> out.writeBytesNoTag(field.bytes);
            }
        }
        out.flush();
        return bytes.toByteString();
    }

    List<Field> fields() {
        return fields;
    }

    Proto add(int number, long value) {
        fields.add(new Field(number, WireFormat.WIRETYPE_VARINT, value, null));
        return this;
    }

    Proto add(int number, ByteString bytes) {
        fields.add(new Field(number, WireFormat.WIRETYPE_LENGTH_DELIMITED, 0, bytes));
        return this;
    }

    Proto add(int number, String text) {
        return add(number, ByteString.copyFromUtf8(text));
    }

    Proto add(int number, Proto message) throws IOException {
        return add(number, message.toBytes());
    }

    /** Adds those of another message's fields that are wanted. */
    Proto addAll(Proto other, Predicate<Field> wanted) {
        other.fields.stream().filter(wanted).forEach(fields::add);
        return this;
    }

    boolean has(int number) {
        return fields.stream().anyMatch(field -> field.number == number);
    }

    long number(int number, long otherwise) {
        return fields.stream()
                .filter(field -> field.number == number && field.bytes == null)
                .mapToLong(Field::value)
                .reduce(otherwise, (before, last) -> last);
    }

    /** The last field of this number, as text; empty where there is none. */
    String text(int number) {
        return bytes(number).toStringUtf8();
    }

    ByteString bytes(int number) {
        return fields.stream()
                .filter(field -> field.number == number && field.bytes != null)
                .map(Field::bytes)
                .reduce(ByteString.EMPTY, (before, last) -> last);
    }

    List<String> texts(int number) {
        return fields.stream()
                .filter(field -> field.number == number && field.bytes != null)
                .map(field -> field.bytes.toStringUtf8())
                .toList();
    }

    List<Proto> messages(int number) throws IOException {
        List<Proto> messages = new ArrayList<>();
        for (Field field : fields) {
            if (field.number == number && field.bytes != null) {
                messages.add(parse(field.bytes));
            }
        }
        return messages;
    }

    /** The message at this number; an empty one where there is none. */
    Proto message(int number) throws IOException {
        return parse(bytes(number));
    }

    /** A short list of numbers, packed or not: dimensions. */
    List<Long> numbers(int number) throws IOException {
        List<Long> numbers = new ArrayList<>();
        for (Field field : fields) {
            if (numbers.size() > MAX_DIMENSIONS) {
                break;
            }
            if (field.number == number && field.bytes == null) {
                numbers.add(field.value);
            } else if (field.number == number) {
                CodedInputStream in = field.bytes.newCodedInput();
                while (!in.isAtEnd() && numbers.size() <= MAX_DIMENSIONS) {
                    numbers.add(in.readRawVarint64());
                }
            }
        }
        if (numbers.size() > MAX_DIMENSIONS) {
            throw new IOException("a tensor has more than " + MAX_DIMENSIONS + " dimensions");
        }
        return numbers;
    }
}
