package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A GGUF file's tokenizer as tokenizer.json and tokenizer_config.json: byte-level BPE ("gpt2"), SentencePiece BPE
 * ("llama"), and the same with merges spelled out ("gemma4"). SentencePiece merges by score; the merges that Hugging
 * Face spells out follow from the scores.
 */
final class GgufTokenizer {
    /** Ways to join tokens, and characters of all that are joined: ten times what vocabularies in use have. */
    private static final int MAX_MERGES = 4_000_000;

    private static final long MAX_MERGE_CHARACTERS = 64L << 20;

    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    /** Characters of a token; the longest that are known are runs of 256 spaces. */
    private static final int MAX_TOKEN_CHARS = 1024;

    private static final String PREFIX = "tokenizer.ggml.";
    private static final String LLAMA3_WORDS =
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|%s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                    + "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** Of OpenAI's vocabulary of 200,000 tokens. */
    private static final String O200K_WORDS =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                    + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
                    + "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
                    + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
                    + "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private final ObjectMapper mapper = new ObjectMapper();
    private final GgufFile file;
    private final Object[] tokens;

    GgufTokenizer(GgufFile file) throws IOException {
        this.file = file;
        this.tokens = file.array(PREFIX + "tokens");
        requireAll("tokens", String.class);
        requireAll("merges", String.class);
        requireAll("scores", Number.class);
        requireAll("token_type", Number.class);
        for (Object token : tokens) {
            // Merges are found by trying every cut of every token.
            if (((String) token).length() > MAX_TOKEN_CHARS) {
                throw damaged("it has a token of " + ((String) token).length() + " characters");
            }
        }
    }

    /** Refuses an array of this name, where there is one, whose values are of another type. */
    private void requireAll(String name, Class<?> type) throws IOException {
        if (file.value(PREFIX + name) instanceof Object[] values
                && !Arrays.stream(values).allMatch(type::isInstance)) {
            throw damaged("its " + PREFIX + name + " are not all of type " + type.getSimpleName());
        }
    }

    private IOException damaged(String why) {
        return new IOException(file.path() + ": " + why + ". The file is damaged. Nothing was loaded.");
    }

    Map<String, byte[]> files() throws IOException {
        String kind = file.text(PREFIX + "model", "none");
        ObjectNode tokenizer = switch (kind) {
            case "gpt2" -> byteLevel();
            case "llama" -> sentencePiece(false);
            case "gemma4" -> sentencePiece(true);
            default ->
                throw new IOException(file.path() + ": tokenizer \"" + kind + "\" is not supported; gpt2, llama and "
                        + "gemma4 are. Import the model's Hugging Face folder instead.");
        };
        return new TreeMap<>(Map.of(
                "tokenizer.json", mapper.writeValueAsBytes(tokenizer),
                "tokenizer_config.json", mapper.writeValueAsBytes(config())));
    }

    private ObjectNode config() {
        ObjectNode json = mapper.createObjectNode();
        for (String name : List.of("bos", "eos")) {
            int id = file.integer(PREFIX + name + "_token_id", -1);
            if (id >= 0 && id < tokens.length) {
                json.put(name + "_token", (String) tokens[id]);
            }
        }
        // As llama.cpp has it where the file does not say.
        boolean isSentencePiece = List.of("llama", "gemma4").contains(file.text(PREFIX + "model", ""));
        boolean isLlama3 = List.of("llama-bpe", "llama3", "llama-v3").contains(file.text(PREFIX + "pre", ""));
        boolean adds =
                file.value(PREFIX + "add_bos_token") instanceof Boolean says ? says : isSentencePiece || isLlama3;
        json.put("add_bos_token", adds);
        String template = file.text("tokenizer.chat_template", "");
        if (!template.isEmpty()) {
            json.put("chat_template", template);
        }
        return json;
    }

    private ObjectNode base() throws IOException {
        ObjectNode json = mapper.createObjectNode();
        json.put("version", "1.0");
        json.putNull("truncation");
        json.putNull("padding");
        ArrayNode added = json.putArray("added_tokens");
        Object[] types = file.value(PREFIX + "token_type") instanceof Object[] t ? t : new Object[0];
        for (int id = 0; id < types.length && id < tokens.length; id++) {
            int type = ((Number) types[id]).intValue();
            if (type == CONTROL || type == USER_DEFINED) {
                added.addObject()
                        .put("id", id)
                        .put("content", (String) tokens[id])
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", type == CONTROL);
            }
        }
        return json;
    }

    private ObjectNode model(ObjectNode json) {
        ObjectNode model = json.putObject("model");
        model.put("type", "BPE").putNull("dropout");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.length; id++) {
            vocabulary.put((String) tokens[id], id);
        }
        return model;
    }

    private ObjectNode byteLevel() throws IOException {
        ObjectNode json = base();
        String words = file.text(PREFIX + "pre", "default");
        if (words.equals("qwen2")) {
            json.putObject("normalizer").put("type", "NFC");
        } else {
            json.putNull("normalizer");
        }
        ArrayNode steps =
                json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        boolean split = true;
        switch (words) {
            case "llama-bpe", "llama3", "llama-v3", "smaug-bpe", "dbrx", "glm4", "chatglm-bpe" ->
                split(steps, LLAMA3_WORDS.formatted("\\p{N}{1,3}"));
            case "gpt-4o" -> split(steps, O200K_WORDS);
            case "qwen2" -> split(steps, LLAMA3_WORDS.formatted("\\p{N}"));
            case "smollm", "refact", "starcoder" -> {
                steps.addObject().put("type", "Digits").put("individual_digits", true);
                split = false;
            }
            case "gpt-2", "default", "olmo", "exaone4" -> split = false;
            default ->
                throw new IOException(file.path() + ": how it splits words (\"" + words
                        + "\") is not known here. Import the model's Hugging Face folder instead.");
        }
        steps.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", !split);
        json.putNull("post_processor");
        json.putObject("decoder")
                .put("type", "ByteLevel")
                .put("add_prefix_space", true)
                .put("trim_offsets", true)
                .put("use_regex", true);
        ObjectNode model = model(json);
        model.putNull("unk_token").put("fuse_unk", false).put("byte_fallback", false);
        model.put("ignore_merges", words.startsWith("llama"));
        ArrayNode merges = model.putArray("merges");
        for (Object merge : file.array(PREFIX + "merges")) {
            merges.add((String) merge);
        }
        return json;
    }

    private static void split(ArrayNode steps, String regex) {
        ObjectNode split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", regex);
        split.put("behavior", "Isolated").put("invert", false);
    }

    private record Merge(String left, String right, int id, float score) {}

    /** @param isMerged whether the file spells merges out, and nothing stands before a text. */
    private ObjectNode sentencePiece(boolean isMerged) throws IOException {
        ObjectNode json = base();
        Object prefix = isMerged ? Boolean.FALSE : file.value(PREFIX + "add_space_prefix");
        ArrayNode normalizers =
                json.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
        if (!Boolean.FALSE.equals(prefix)) {
            normalizers.addObject().put("type", "Prepend").put("prepend", "▁");
        }
        replace(normalizers, " ", "▁");
        json.putNull("pre_tokenizer");
        json.putNull("post_processor");
        ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
        replace(decoders, "▁", " ");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        if (!isMerged) {
            decoders.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
        ObjectNode model = model(json);
        int unknown = file.integer(PREFIX + "unknown_token_id", 0);
        if (unknown < 0 || unknown >= tokens.length) {
            throw damaged("its unknown token is " + unknown + " of " + tokens.length);
        }
        model.put("unk_token", (String) tokens[unknown]);
        model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        ArrayNode merges = model.putArray("merges");
        if (isMerged) {
            for (Object merge : file.array(PREFIX + "merges")) {
                String[] parts = ((String) merge).split(" ", 2);
                if (parts.length != 2) {
                    throw damaged("a merge of its tokens is of one part");
                }
                merges.addArray().add(parts[0]).add(parts[1]);
            }
            return json;
        }
        for (Merge merge : merges()) {
            merges.addArray().add(merge.left()).add(merge.right());
        }
        return json;
    }

    private static void replace(ArrayNode steps, String from, String to) {
        ObjectNode step = steps.addObject().put("type", "Replace");
        step.putObject("pattern").put("String", from);
        step.put("content", to);
    }

    /** Every way to join two tokens into a third, best score first; ties in the order of their parts. */
    private List<Merge> merges() throws IOException {
        Object[] scores = file.array(PREFIX + "scores");
        if (scores.length != tokens.length) {
            throw damaged("it has " + scores.length + " scores for " + tokens.length + " tokens");
        }
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < tokens.length; id++) {
            ids.putIfAbsent((String) tokens[id], id);
        }
        List<Merge> merges = new ArrayList<>();
        long characters = 0;
        for (int id = 0; id < tokens.length; id++) {
            String token = (String) tokens[id];
            for (int cut = token.offsetByCodePoints(0, token.isEmpty() ? 0 : 1);
                    cut < token.length();
                    cut = token.offsetByCodePoints(cut, 1)) {
                String left = token.substring(0, cut);
                String right = token.substring(cut);
                if (ids.containsKey(left) && ids.containsKey(right)) {
                    characters += token.length();
                    if (merges.size() == MAX_MERGES || characters > MAX_MERGE_CHARACTERS) {
                        throw damaged("its " + tokens.length + " tokens are joined in more ways than " + MAX_MERGES
                                + ", or by longer ones than any vocabulary has");
                    }
                    merges.add(new Merge(left, right, id, ((Number) scores[id]).floatValue()));
                }
            }
        }
        merges.sort(Comparator.comparing(Merge::score)
                .reversed()
                .thenComparing(Merge::id)
                .thenComparing(merge -> ids.get(merge.left()))
                .thenComparing(merge -> ids.get(merge.right())));
        return merges;
    }
}
