package io.plumbline.inference.language.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.plumbline.inference.language.template.MarkedText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Turns a rendered prompt into tokens. A control token that a conversation spells out stays text: only what the
 * template wrote becomes one. The tokenizer cannot be told so of a part of its input; where a conversation does it, a
 * copy of the tokenizer is used in which control tokens are written as characters that no text has, and the template's
 * are written so.
 */
final class PromptEncoder implements AutoCloseable {
    /** The first of them: of the private use plane 15. */
    private static final int FIRST_STAND_IN = 0xF0000;

    private final HuggingFaceTokenizer tokenizer;
    private final ControlTokens controls;

    /** tokenizer.json; read again where it is needed. */
    private final byte[] file;

    private final TextBound bound;

    private HuggingFaceTokenizer shielded;

    PromptEncoder(HuggingFaceTokenizer tokenizer, ControlTokens controls, byte[] file) throws IOException {
        this.tokenizer = tokenizer;
        this.controls = controls;
        this.file = file;
        this.bound = TextBound.of(file);
    }

    /** The control token at the beginning of a text, blanks aside; -1 where there is none. */
    int controlTokenAt(String text) {
        String begun = text.stripLeading();
        int found = controls.at(begun, 0);
        return found < 0 ? -1 : only(controls.texts().get(found));
    }

    /** The token that a text is, which a model's files may name; -1 where it is several. */
    int only(String text) {
        if (text.length() > ControlTokens.MOST_CHARACTERS) {
            return -1;
        }
        long[] ids = tokenizer.encode(text, false, false).getIds();
        return ids.length == 1 ? Math.toIntExact(ids[0]) : -1;
    }

    /** A conversation's text, to be rendered. */
    String mark(String text) {
        return MarkedText.mark(text, controls.marked());
    }

    /**
     * The tokens of a prompt.
     *
     * @param rendered where the conversation's texts are marked.
     * @param addsSpecial whether the tokenizer puts around it what texts of this model begin and end with.
     * @throws IllegalArgumentException where a character of it stands for nothing, or the tokenizer would take too long
     *     for it: see {@link TextBound}.
     */
    int[] encode(String rendered, boolean addsSpecial) {
        String plain = MarkedText.plain(rendered);
        bound.require(plain);
        // Where control tokens are looked for in what was normalized, characters of other texts may become them.
        boolean shields = controls.isNormalized() || !plain.equals(rendered) && spellsControlToken(rendered, plain);
        long[] ids = shields
                ? shielded().encode(shield(rendered), addsSpecial, false).getIds()
                : tokenizer.encode(plain, addsSpecial, false).getIds();
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    /** Whether a conversation has a part in what the tokenizer would take for a control token. */
    private boolean spellsControlToken(String rendered, String plain) {
        for (int i = 0; i < plain.length(); ) {
            int found = controls.at(plain, i);
            if (found < 0) {
                i++;
                continue;
            }
            int end = i + controls.texts().get(found).length();
            if (rendered.substring(i, end).chars().anyMatch(c -> MarkedText.isMark((char) c))) {
                return true;
            }
            i = end;
        }
        return false;
    }

    private String shield(String rendered) {
        StringBuilder out = new StringBuilder(rendered.length());
        for (int i = 0; i < rendered.length(); ) {
            int found = controls.at(rendered, i);
            if (found >= 0) {
                out.appendCodePoint(FIRST_STAND_IN + found);
                i += controls.texts().get(found).length();
                continue;
            }
            int c = rendered.codePointAt(i);
            if (c >= FIRST_STAND_IN && c < FIRST_STAND_IN + controls.texts().size()) {
                throw new IllegalArgumentException(String.format(
                        "The messages hold the character U+%X, which is nobody's, and spell out a control token.", c));
            }
            out.appendCodePoint(c);
            i += Character.charCount(c);
        }
        return MarkedText.plain(out.toString());
    }

    /** Opens the copy, so that one that cannot be made is found out before it is needed. */
    void probe() {
        shielded();
    }

    private synchronized HuggingFaceTokenizer shielded() {
        if (shielded == null) {
            try {
                shielded = TokenizerFile.open(withStandIns(), false);
            } catch (IOException e) {
                throw new UncheckedIOException("Its control tokens cannot be told from text.", e);
            }
        }
        return shielded;
    }

    /** The tokenizer's file with each control token written as its stand-in; ids stay. */
    private byte[] withStandIns() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode json = mapper.readTree(file);
        ObjectNode model = (ObjectNode) json.path("model");
        Map<String, String> standIns = new HashMap<>();
        for (String text : controls.texts()) {
            standIns.put(text, Character.toString(FIRST_STAND_IN + standIns.size()));
        }
        for (JsonNode one : json.path("added_tokens")) {
            String standIn = standIns.get(one.path("content").asText());
            if (standIn != null) {
                ((ObjectNode) one).put("content", standIn);
            }
        }
        if (model.path("vocab") instanceof ObjectNode vocabulary) {
            standIns.forEach((text, standIn) -> {
                if (vocabulary.has(text)) {
                    vocabulary.set(standIn, vocabulary.remove(text));
                }
            });
        }
        if (model.path("vocab") instanceof ArrayNode pieces) {
            for (JsonNode piece : pieces) {
                String standIn = standIns.get(piece.path(0).asText());
                if (standIn != null) {
                    ((ArrayNode) piece).set(0, TextNode.valueOf(standIn));
                }
            }
        }
        if (model.path("merges") instanceof ArrayNode merges) {
            // Pieces that make a control token make nothing here.
            for (int i = merges.size() - 1; i >= 0; i--) {
                JsonNode merge = merges.get(i);
                String made = merge.isArray()
                        ? merge.path(0).asText() + merge.path(1).asText()
                        : merge.asText().replaceFirst(" ", "");
                if (standIns.containsKey(made)) {
                    merges.remove(i);
                }
            }
        }
        String unknown = standIns.get(model.path("unk_token").asText());
        if (unknown != null) {
            model.put("unk_token", unknown);
        }
        return mapper.writeValueAsBytes(json);
    }

    @Override
    public synchronized void close() {
        if (shielded != null) {
            shielded.close();
        }
    }
}
