package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.model.TokenFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Which tokenizers are refused because of their tokens' ids, or because two readers would read another file. */
class TokenizerScreenTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static ObjectNode shipped() throws IOException {
        return (ObjectNode) JSON.readTree(Files.readAllBytes(TestModels.SHIPPED.resolve(TokenizerFile.NAME)));
    }

    private static ChatTokenizer open(String file) throws IOException {
        return ChatTokenizer.of(new TokenFiles(new TreeMap<>(Map.of(
                TokenizerFile.NAME,
                file.getBytes(StandardCharsets.UTF_8),
                "tokenizer_config.json",
                "{}".getBytes(StandardCharsets.UTF_8)))));
    }

    private static void assertRefused(String file, String why) {
        String message =
                assertThrows(IOException.class, () -> open(file).close()).getMessage();
        assertTrue(message.startsWith("tokenizer.json") && message.contains(why), message);
    }

    private static void add(ObjectNode tokenizer, String text, JsonNode id) {
        ObjectNode added = ((ArrayNode) tokenizer.path("added_tokens")).addObject();
        added.set("id", id);
        added.put("content", text).put("single_word", false).put("lstrip", false);
        added.put("rstrip", false).put("normalized", false).put("special", true);
    }

    @Test
    void idsThatNoVocabularyHasAreRefusedByTheirTokens() throws IOException {
        for (String id :
                new String[] {"4194304", "2000000000", "2147483647", "-1", "4294967296", "1e30", "1.5", "null"}) {
            JsonNode number = JSON.readTree(id);
            ObjectNode piece = shipped();
            ((ObjectNode) piece.path("model").path("vocab")).set("Zebra", number);
            assertRefused(piece.toString(), "token \"Zebra\" has the id ");
            ObjectNode control = shipped();
            add(control, "<|zebra|>", number);
            assertRefused(control.toString(), "token \"<|zebra|>\" has the id ");
        }
        assertRefused(shipped().toString().replaceFirst("\"id\":\\d+,", ""), "has no id");
    }

    /** The ids below the largest are gone through once, and those of no token take no room of their own. */
    @Test
    void aVocabularyWithHolesIsReadInNoTime() throws IOException {
        ObjectNode sparse = shipped();
        int far = 1 << 20;
        ((ObjectNode) sparse.path("model").path("vocab")).put("Zebra", far);
        try (ChatTokenizer tokenizer = open(sparse.toString())) {
            Vocabulary vocabulary = assertTimeout(Duration.ofSeconds(10), tokenizer::vocabulary);
            assertEquals(far + 1, vocabulary.size());
        }
    }

    /** The shield against control tokens would take the first list, the tokenizer the last. */
    @Test
    void namesThatAreGivenTwiceAreRefused() throws IOException {
        String good = shipped().toString();
        open(good).close();
        assertRefused("{\"added_tokens\":[]," + good.substring(1), "Duplicate field 'added_tokens'");
        assertRefused("{\"\\u0061dded_tokens\":[]," + good.substring(1), "Duplicate field 'added_tokens'");
        assertRefused(good.replaceFirst("\"id\":\\d+,", "$0$0"), "Duplicate field 'id'");
        assertRefused(good.replaceFirst("\"vocab\":\\{(\"[^\"]*\"):", "\"vocab\":{$1:7,$1:"), "Duplicate field");
    }

    /** Its library numbers added tokens by their order; prompts and texts would be of different tokens. */
    @Test
    void anAddedTokenThatTheLibraryNumbersOtherwiseIsRefused() throws IOException {
        ObjectNode far = shipped();
        int next = far.path("model").path("vocab").size();
        for (JsonNode added : far.path("added_tokens")) {
            next = Math.max(next, added.path("id").asInt() + 1);
        }
        ObjectNode near = far.deepCopy();
        add(near, "<|zebra|>", JSON.getNodeFactory().numberNode(next));
        open(near.toString()).close();
        add(far, "<|zebra|>", JSON.getNodeFactory().numberNode(next + 5));
        assertRefused(
                far.toString(),
                "token \"<|zebra|>\" has the id " + (next + 5) + ", and the tokenizer gives it " + next);
        ObjectNode twice = near.deepCopy();
        add(twice, "<|zebra|>", JSON.getNodeFactory().numberNode(next + 1));
        assertRefused(twice.toString(), "token \"<|zebra|>\" has the id " + (next + 1));
    }
}
