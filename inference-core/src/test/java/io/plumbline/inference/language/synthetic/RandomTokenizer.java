package io.plumbline.inference.language.synthetic;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A tokenizer for models that were never trained: one token a byte, as SentencePiece spells them, then names up to
 * the vocabulary's size.
 */
final class RandomTokenizer {
    /** Id of the beginning-of-text token. */
    static final int BEGIN = 1;

    /** Id of the end-of-text token. */
    static final int END = 2;

    private static final int SPECIALS = 3;
    private static final int BYTES = 256;

    private RandomTokenizer() {}

    static void write(int vocab, Path to) throws IOException {
        if (vocab < SPECIALS + BYTES) {
            throw new IllegalArgumentException("A vocabulary has at least " + (SPECIALS + BYTES) + " tokens.");
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        json.put("version", "1.0");
        ArrayNode added = json.putArray("added_tokens");
        ObjectNode model = json.putObject("model");
        model.put("type", "BPE").put("unk_token", "<unk>").put("fuse_unk", true).put("byte_fallback", true);
        ObjectNode vocabulary = model.putObject("vocab");
        List<String> specials = List.of("<unk>", "<s>", "</s>");
        for (String special : specials) {
            added.addObject()
                    .put("id", vocabulary.size())
                    .put("content", special)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
            vocabulary.put(special, vocabulary.size());
        }
        for (int b = 0; b < BYTES; b++) {
            vocabulary.put(String.format("<0x%02X>", b), vocabulary.size());
        }
        while (vocabulary.size() < vocab) {
            vocabulary.put("▁word" + vocabulary.size(), vocabulary.size());
        }
        model.putArray("merges");
        ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        mapper.writeValue(to.resolve("tokenizer.json").toFile(), json);
        Files.writeString(to.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}\n");
    }
}
