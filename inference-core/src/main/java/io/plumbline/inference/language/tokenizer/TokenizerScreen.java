package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * Refuses a tokenizer.json that does not say the same on every host, or that some text would have end the process:
 * prompts and answers are compared by auditors token by token.
 */
final class TokenizerScreen {
    private TokenizerScreen() {}

    /** @throws IOException saying what is wrong with it. */
    static void check(byte[] file) throws IOException {
        JsonNode root = new ObjectMapper().readTree(file);
        JsonNode dropout = root.path("model").path("dropout");
        if (!dropout.isMissingNode() && !dropout.isNull() && dropout.asDouble(1) != 0) {
            throw new IOException(
                    "\"dropout\" is " + dropout + ": it would cut the same text otherwise each time. Set it to null.");
        }
        requireOneTokenAnId(root);
        requireLinear(root, "");
    }

    private static void requireOneTokenAnId(JsonNode root) throws IOException {
        Map<Long, String> byId = new HashMap<>();
        JsonNode vocabulary = root.path("model").path("vocab");
        if (vocabulary.isObject()) {
            for (Map.Entry<String, JsonNode> one : vocabulary.properties()) {
                requireAlone(byId, one.getValue().asLong(), one.getKey());
            }
        }
        for (JsonNode added : root.path("added_tokens")) {
            requireAlone(byId, added.path("id").asLong(), added.path("content").asText());
        }
    }

    private static void requireAlone(Map<Long, String> byId, long id, String token) throws IOException {
        String before = byId.putIfAbsent(id, token);
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
