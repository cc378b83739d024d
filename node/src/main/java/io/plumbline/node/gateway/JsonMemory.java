package io.plumbline.node.gateway;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * The memory that a JSON text takes as a tree of nodes, told before the tree is made: up to fifty times its bytes, so a
 * body's own size bounds nothing.
 *
 * @param values tokens of the text: names, values, and both ends of lists and objects.
 * @param bytes about the most that its tree takes.
 */
record JsonMemory(long values, long bytes) {
    private static final JsonFactory FACTORY = new JsonFactory();

    /** A node, its map and that map's first table. */
    private static final int OBJECT_BYTES = 160;

    /** An entry and its text, both once more while the object is read. */
    private static final int NAME_BYTES = 160;

    /** A node, its list and that list's first array. */
    private static final int LIST_BYTES = 112;

    /** A node, its text, and a place in a list. */
    private static final int TEXT_BYTES = 80;

    private static final int NUMBER_BYTES = 40;

    /** Of a number with more digits than 64 bits take. */
    private static final int LONG_NUMBER_BYTES = 120;

    private static final int LONG_DIGITS = 18;

    /** For texts and digits, two bytes a character. */
    private static final int BYTES_A_BYTE = 2;

    /** @throws IOException where it is no JSON. */
    static JsonMemory of(byte[] json, int offset, int length) throws IOException {
        long values = 0;
        long bytes = (long) BYTES_A_BYTE * length;
        try (JsonParser in = FACTORY.createParser(json, offset, length)) {
            for (JsonToken token = in.nextToken(); token != null; token = in.nextToken()) {
                values++;
                bytes += switch (token) {
                    case START_OBJECT -> OBJECT_BYTES;
                    case FIELD_NAME -> NAME_BYTES;
                    case START_ARRAY -> LIST_BYTES;
                    case VALUE_STRING -> TEXT_BYTES;
                    case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
                        in.getTextLength() > LONG_DIGITS ? LONG_NUMBER_BYTES : NUMBER_BYTES;
                    default -> Long.BYTES;
                };
            }
        }
        return new JsonMemory(values, bytes);
    }
}
