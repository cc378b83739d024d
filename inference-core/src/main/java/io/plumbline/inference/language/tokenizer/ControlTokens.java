package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.template.MarkedText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The tokens of a model that mean something beside their text: where a turn begins and ends, who speaks, what is a
 * tool's. They are the special ones of its vocabulary, and of the others that were added to it those that its chat
 * template writes: words and runs of blanks that were added are text.
 */
final class ControlTokens {
    /** A place in the texts, and which of them ends here; -1 for none. */
    private static final class Node {
        private final Map<Character, Node> next = new HashMap<>();
        private int index = -1;
    }

    /** Of a token's text: those of the longest that are known, runs of blanks, have a fourth of it. */
    static final int MOST_CHARACTERS = 512;

    /** A token that was added to the vocabulary, as its file has it. */
    record Added(String text, int id) {}

    private final List<String> texts = new ArrayList<>();
    private final List<Added> added = new ArrayList<>();
    private final Node root = new Node();
    private final StringBuilder marked = new StringBuilder();
    private boolean isNormalized;

    /**
     * Reads them.
     *
     * @param file tokenizer.json.
     * @param template source of the chat template, and what it writes; empty for none.
     */
    ControlTokens(byte[] file, String template) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode list = mapper.missingNode();
        JsonNode normalizer = mapper.missingNode();
        // Both stand before the vocabulary, which is large and is not read for them.
        try (JsonParser json = mapper.createParser(file)) {
            json.nextToken();
            while ((list.isMissingNode() || normalizer.isMissingNode()) && json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                json.nextToken();
                switch (name) {
                    case "added_tokens" -> list = json.readValueAsTree();
                    case "normalizer" -> normalizer = json.readValueAsTree();
                    default -> json.skipChildren();
                }
            }
        }
        for (JsonNode one : list) {
            String text = one.path("content").asText();
            added.add(new Added(text, one.path("id").asInt()));
            boolean isWritten = template.contains(text) && !text.chars().allMatch(Character::isLetterOrDigit);
            boolean isMarkable = text.chars().anyMatch(c -> MarkedText.isMarkable((char) c));
            if (isMarkable && (one.path("special").asBoolean() || isWritten)) {
                add(text);
                isNormalized |= one.path("normalized").asBoolean() && normalizer.isObject();
            }
        }
    }

    private void add(String text) throws IOException {
        // At each place of a prompt it is looked for, to its end where a conversation has it so.
        if (text.length() > MOST_CHARACTERS) {
            throw new IOException(TokenizerFile.NAME + " has a control token of " + text.length()
                    + " characters; at most " + MOST_CHARACTERS + " are taken.");
        }
        Node node = root;
        for (int i = 0; i < text.length(); i++) {
            node = node.next.computeIfAbsent(text.charAt(i), c -> new Node());
        }
        if (node.index < 0) {
            node.index = texts.size();
            texts.add(text);
        }
        // All of them: a template may write the beginning of one before a conversation's text.
        for (int i = 0; i < text.length(); i++) {
            String mark = text.substring(i, i + 1);
            if (MarkedText.isMarkable(text.charAt(i)) && marked.indexOf(mark) < 0) {
                marked.append(mark);
            }
        }
    }

    /** All tokens that were added to the vocabulary, control tokens or not. */
    List<Added> added() {
        return added;
    }

    /** Their texts. */
    List<String> texts() {
        return texts;
    }

    /** The characters of a conversation that are to be marked: one at least of each of these tokens. */
    String marked() {
        return marked.toString();
    }

    /** Whether other texts may become one of them: it is searched for in what the tokenizer normalized. */
    boolean isNormalized() {
        return isNormalized;
    }

    /** The index in {@link #texts} of the longest that stands at {@code offset} of {@code text}; -1 for none. */
    int at(String text, int offset) {
        int found = -1;
        Node node = root;
        for (int i = offset; i < text.length(); i++) {
            node = node.next.get(text.charAt(i));
            if (node == null) {
                break;
            }
            found = node.index >= 0 ? node.index : found;
        }
        return found;
    }
}
