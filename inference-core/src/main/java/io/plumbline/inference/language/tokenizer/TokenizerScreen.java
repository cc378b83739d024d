package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.tokenizer.LinearPattern.Run;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Refuses a tokenizer.json that does not say the same on every host, or that some text would have end the process:
 * prompts and answers are compared by auditors token by token.
 */
final class TokenizerScreen {
    /** Kinds of a pre-tokenizer that cut a text, and leave its characters as they are. */
    private static final Set<String> CUTTING = Set.of(
            "Split",
            "Digits",
            "Punctuation",
            "Whitespace",
            "WhitespaceSplit",
            "CharDelimiterSplit",
            "UnicodeScripts",
            "BertPreTokenizer",
            "FixedLength");

    /** Kinds of a normalizer that make no run of characters much longer. */
    private static final Set<String> KEEPING =
            Set.of("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "Nmt", "BertNormalizer");

    /** Characters of a word that a WordPiece model cuts up; those in use take as many. */
    private static final int MOST_OF_A_WORD = 100;

    /** Characters of a piece of a Unigram model; SentencePiece makes them of 16 unless it is told otherwise. */
    private static final int MOST_OF_A_PIECE = 128;

    /** Characters that a normalizer may put in place of others. */
    private static final int MOST_CONTENT = 2;

    /** Of a name that is given twice, readers that stop early take the first, and the tokenizer's library the last. */
    private static final ObjectMapper STRICT = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    private TokenizerScreen() {}

    /** @throws IOException saying what is wrong with it. */
    static void check(byte[] file) throws IOException {
        JsonNode root = STRICT.readTree(file);
        JsonNode dropout = root.path("model").path("dropout");
        if (!dropout.isMissingNode() && !dropout.isNull() && dropout.asDouble(1) != 0) {
            throw new IOException(
                    "\"dropout\" is " + dropout + ": it would cut the same text otherwise each time. Set it to null.");
        }
        requireOneTokenAnId(root);
        requireShortPieces(root.path("model"));
        requireLinear(root, "");
        requireBounded(root);
    }

    /**
     * Whether {@link TextBound}, which looks at a text as it comes, says something about what the expressions are
     * given: what is made of it before must be no longer, and no other kind of characters.
     */
    private static void requireBounded(JsonNode root) throws IOException {
        for (Map.Entry<String, JsonNode> part : root.properties()) {
            boolean isOfPrompts =
                    part.getKey().equals("normalizer") || part.getKey().equals("pre_tokenizer");
            boolean isVocabulary =
                    part.getKey().equals("model") || part.getKey().equals("added_tokens");
            if (!isOfPrompts
                    && !isVocabulary
                    && !TextBound.runs(part.getValue()).isEmpty()) {
                throw tooSlow(part.getKey(), "it may go through the same characters again and again");
            }
        }
        JsonNode normalizer = root.path("normalizer");
        List<Run> runs = TextBound.runs(root.path("pre_tokenizer"));
        if (TextBound.runs(normalizer).stream().anyMatch(Run::again)) {
            throw tooSlow("normalizer", "it may go through the same characters again and again");
        }
        for (JsonNode one : parts(normalizer, "normalizers")) {
            String type = one.path("type").asText();
            boolean keeps = KEEPING.contains(type)
                    || type.equals("Replace") && one.path("content").asText().length() <= MOST_CONTENT;
            if (!runs.isEmpty() && !keeps || runs.stream().anyMatch(Run::again) && !type.equals("NFC")) {
                throw tooSlow(
                        "pre_tokenizer", "it goes through what a normalizer \"" + type + "\" has made of the text");
            }
        }
        String before = null;
        for (JsonNode one : parts(root.path("pre_tokenizer"), "pretokenizers")) {
            if (before != null && !TextBound.runs(one).isEmpty()) {
                throw tooSlow("pre_tokenizer", "it goes through what \"" + before + "\" has made of the text");
            }
            String type = one.path("type").asText();
            before = CUTTING.contains(type) ? before : type;
        }
    }

    private static IOException tooSlow(String part, String why) {
        return new IOException("the regular expression of \"" + part + "\" is not taken: " + why + ".");
    }

    /** The parts of a sequence, and of those in it, in their order; what is no sequence itself. */
    private static List<JsonNode> parts(JsonNode node, String name) {
        List<JsonNode> parts = new ArrayList<>();
        if (node.path("type").asText().equals("Sequence")) {
            node.path(name).forEach(one -> parts.addAll(parts(one, name)));
        } else if (node.isObject()) {
            parts.add(node);
        }
        return parts;
    }

    /**
     * What is looked for at each character of a text, to its end: pieces of a Unigram model, and the words of a
     * WordPiece model from each of their characters.
     */
    private static void requireShortPieces(JsonNode model) throws IOException {
        int word = model.path("max_input_chars_per_word").asInt(MOST_OF_A_WORD);
        if (word > MOST_OF_A_WORD || word < 0) {
            throw new IOException("\"max_input_chars_per_word\" is " + word + ": time grows with its square. Set it to "
                    + MOST_OF_A_WORD + ".");
        }
        if (model.path("vocab").isArray()) {
            for (JsonNode piece : model.path("vocab")) {
                int length = piece.path(0).asText().length();
                if (length > MOST_OF_A_PIECE) {
                    throw new IOException("a piece of its vocabulary has " + length + " characters; at most "
                            + MOST_OF_A_PIECE + " are taken.");
                }
            }
        }
    }

    private static void requireOneTokenAnId(JsonNode root) throws IOException {
        Map<Integer, String> byId = new HashMap<>();
        JsonNode vocabulary = root.path("model").path("vocab");
        if (vocabulary.isObject()) {
            for (Map.Entry<String, JsonNode> one : vocabulary.properties()) {
                requireAlone(byId, one.getValue(), one.getKey());
            }
        } else if (vocabulary.size() > ModelConfig.MAX_VOCAB) {
            throw new IOException("its vocabulary has " + vocabulary.size() + " pieces; at most "
                    + ModelConfig.MAX_VOCAB + " are taken.");
        }
        for (JsonNode added : root.path("added_tokens")) {
            requireAlone(byId, added.path("id"), added.path("content").asText());
        }
    }

    private static void requireAlone(Map<Integer, String> byId, JsonNode id, String token) throws IOException {
        // Readers keep something for each id up to the largest: it must fit into memory.
        if (!id.isIntegralNumber() || !id.canConvertToInt() || id.asInt() < 0 || id.asInt() >= ModelConfig.MAX_VOCAB) {
            throw new IOException("token \"" + token + "\" has " + (id.isMissingNode() ? "no id" : "the id " + id)
                    + "; ids are whole numbers from 0 to " + (ModelConfig.MAX_VOCAB - 1) + ".");
        }
        String before = byId.putIfAbsent(id.asInt(), token);
        if (before != null && !before.equals(token)) {
            throw new IOException("token " + id + " is both \"" + before + "\" and \"" + token
                    + "\": one host would read it as the one, another as the other.");
        }
    }

    /** Wherever a pattern may stand: before, in and after the model. */
    private static void requireLinear(JsonNode node, String at) throws IOException {
        if (node.isObject()) {
            for (Map.Entry<String, JsonNode> one : node.properties()) {
                if (one.getKey().equals("Regex") && one.getValue().isTextual()) {
                    String fault = LinearPattern.fault(one.getValue().asText());
                    if (fault != null) {
                        throw new IOException("the regular expression of \"" + at + "\" is not taken: " + fault + ".");
                    }
                } else if (!one.getKey().equals("vocab") && !one.getKey().equals("merges")) {
                    requireLinear(one.getValue(), at.isEmpty() ? one.getKey() : at);
                }
            }
        } else if (node.isArray()) {
            for (Iterator<JsonNode> each = node.elements(); each.hasNext(); ) {
                requireLinear(each.next(), at);
            }
        }
    }
}
