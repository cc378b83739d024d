package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The bytes that each token stands for, from the vocabulary of a tokenizer.json: a token may be a part of a
 * character, which is no text. Byte-level vocabularies write each byte as a printable character (Radford et al. 2019,
 * as in GPT-2's code); others have tokens {@code <0x00>} to {@code <0xFF>}, and ▁ for a space.
 */
final class TokenBytes {
    private static final char SPACE = '\u2581';
    private static final int BYTES = 256;

    private final Map<Integer, String> added = new HashMap<>();
    private final Map<Integer, String> pieces = new HashMap<>();
    private final Map<Character, Integer> byteOf = new HashMap<>();
    private final Set<Integer> special = new HashSet<>();
    private final Set<String> controls = new HashSet<>();
    private final boolean isByteLevel;

    /** @param file tokenizer.json. */
    TokenBytes(byte[] file) throws IOException {
        JsonNode json = new ObjectMapper().readTree(file);
        isByteLevel = json.path("decoder").toString().contains("\"ByteLevel\"");
        JsonNode vocabulary = json.path("model").path("vocab");
        if (vocabulary.isObject()) {
            vocabulary.properties().forEach(one -> pieces.put(one.getValue().asInt(), one.getKey()));
        } else {
            for (int i = 0; i < vocabulary.size(); i++) {
                pieces.put(i, vocabulary.get(i).path(0).asText());
            }
        }
        for (JsonNode one : json.path("added_tokens")) {
            added.put(one.path("id").asInt(), one.path("content").asText());
            if (one.path("special").asBoolean()) {
                special.add(one.path("id").asInt());
                controls.add(one.path("content").asText());
            }
        }
        int next = BYTES;
        for (int b = 0; b < BYTES; b++) {
            boolean isPrintable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            byteOf.put((char) (isPrintable ? b : next++), b);
        }
    }

    /** Ids are below it. */
    int size() {
        int largest = -1;
        for (Map<Integer, String> texts : List.of(added, pieces)) {
            largest = Math.max(largest, texts.isEmpty() ? -1 : Collections.max(texts.keySet()));
        }
        return largest + 1;
    }

    /** Whether a token stands in no text: a control token, or one that is not in the vocabulary. */
    boolean isSilent(int token) {
        return special.contains(token) || !added.containsKey(token) && !pieces.containsKey(token);
    }

    /** The name of a control token; null for any other. */
    String control(int token) {
        return special.contains(token) ? added.get(token) : null;
    }

    /** Whether a control token has this name. */
    boolean isControl(String name) {
        return controls.contains(name);
    }

    /** Whether a token is one byte, and no text but with those around it. */
    boolean isByte(int token) {
        return !isByteLevel && !added.containsKey(token) && isByte(pieces.getOrDefault(token, ""));
    }

    private static boolean isByte(String piece) {
        return piece.length() == 6 && piece.startsWith("<0x") && piece.matches("<0x[0-9A-F]{2}>");
    }

    /** Of a token; none for one that is not in the vocabulary. */
    byte[] of(int token) {
        String special = added.get(token);
        if (special != null) {
            return special.getBytes(StandardCharsets.UTF_8);
        }
        String piece = pieces.getOrDefault(token, "");
        if (isByteLevel) {
            return byteLevel(piece);
        }
        if (isByte(piece)) {
            return new byte[] {(byte) Integer.parseInt(piece.substring(3, 5), 16)};
        }
        return piece.replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8);
    }

    private byte[] byteLevel(String piece) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < piece.length(); i++) {
            Integer one = byteOf.get(piece.charAt(i));
            if (one == null) {
                bytes.writeBytes(String.valueOf(piece.charAt(i)).getBytes(StandardCharsets.UTF_8));
            } else {
                bytes.write(one);
            }
        }
        return bytes.toByteArray();
    }
}
