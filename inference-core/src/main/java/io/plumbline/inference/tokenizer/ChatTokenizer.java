package io.plumbline.inference.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A model's own way from chat messages to tokens and back: its tokenizer.json and its chat template. */
public final class ChatTokenizer implements AutoCloseable {
    private final HuggingFaceTokenizer tokenizer;
    private final String template;
    private final Map<String, Object> specials = new HashMap<>();

    private ChatTokenizer(HuggingFaceTokenizer tokenizer, JsonNode config) {
        this.tokenizer = tokenizer;
        this.template = config.path("chat_template").isTextual()
                ? config.get("chat_template").asText()
                : null;
        for (String name : List.of("bos_token", "eos_token")) {
            JsonNode node = config.path(name);
            specials.put(name, node.isObject() ? node.path("content").asText("") : node.asText(""));
        }
    }

    /** One chat message. */
    public record Message(String role, String content) {}

    /** Reads tokenizer.json and tokenizer_config.json of a model's folder. */
    public static ChatTokenizer open(Path folder) throws IOException {
        // Nothing is ever fetched at run time: the native library is in the jar, the vocabulary in the folder.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
        Path path = folder.resolve("tokenizer.json");
        if (!Files.isReadable(path)) {
            throw new IOException(path + " does not exist. A model needs it to turn text into tokens.");
        }
        JsonNode config = new ObjectMapper()
                .readTree(folder.resolve("tokenizer_config.json").toFile());
        try {
            Map<String, String> options =
                    Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
            return new ChatTokenizer(HuggingFaceTokenizer.newInstance(path, options), config);
        } catch (RuntimeException e) {
            throw new IOException(path + " cannot be read as a tokenizer: " + e.getMessage(), e);
        }
    }

    /**
     * Prompt tokens of a conversation. A model without a chat template gets the contents joined, after its beginning-of-text token: it
     * continues them.
     */
    public int[] prompt(List<Message> messages) {
        if (template == null) {
            StringBuilder text = new StringBuilder();
            for (Message message : messages) {
                text.append(message.content());
            }
            return encode(specials.get("bos_token") + text.toString());
        }
        List<Map<String, Object>> list = new ArrayList<>();
        for (Message message : messages) {
            list.add(Map.of("role", message.role(), "content", message.content()));
        }
        Map<String, Object> context = new HashMap<>(specials);
        context.put("messages", list);
        context.put("add_generation_prompt", true);
        return encode(new Jinjava().render(template, context));
    }

    private int[] encode(String text) {
        return Arrays.stream(tokenizer.encode(text, false, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    /** The text of {@code tokens}, special ones left out. */
    public String decode(int[] tokens) {
        if (tokens.length == 0) {
            return "";
        }
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), true);
    }

    /** What one token says, special ones by their names. */
    public String name(int token) {
        return tokenizer.decode(new long[] {token}, false);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
