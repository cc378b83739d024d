package io.plumbline.inference.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.model.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A model's own way from chat messages to tokens and back: its tokenizer.json and its chat template. */
public final class ChatTokenizer implements AutoCloseable {
    private final HuggingFaceTokenizer tokenizer;
    private final ChatTemplate template;
    private final Map<String, Object> specials = new HashMap<>();

    private ChatTokenizer(HuggingFaceTokenizer tokenizer, JsonNode config, String ownTemplate) {
        this.tokenizer = tokenizer;
        for (String name : List.of("bos_token", "eos_token")) {
            JsonNode node = config.path(name);
            specials.put(name, node.isObject() ? node.path("content").asText("") : node.asText(""));
        }
        String source = ownTemplate != null ? ownTemplate : template(config.path("chat_template"));
        this.template = source == null ? null : new ChatTemplate(source, specials);
    }

    /** A template, or the default one of several that a model has by name. */
    private static String template(JsonNode node) {
        if (node.isTextual()) {
            return node.asText();
        }
        for (JsonNode one : node) {
            if (one.path("name").asText().equals("default")) {
                return one.path("template").asText();
            }
        }
        return null;
    }

    /** One chat message. */
    public record Message(String role, String content) {}

    /** Reads tokenizer.json and tokenizer_config.json of a model's folder. */
    public static ChatTokenizer open(Path folder) throws IOException {
        JsonNode config = new ObjectMapper()
                .readTree(folder.resolve("tokenizer_config.json").toFile());
        Path own = folder.resolve(LoadedModel.TEMPLATE_FILE);
        String template = Files.isReadable(own) ? Files.readString(own) : null;
        HuggingFaceTokenizer tokenizer = TokenizerFile.open(folder, false);
        try {
            return new ChatTokenizer(tokenizer, config, template);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw new IOException(folder + " has a chat template that cannot be read: " + e.getMessage(), e);
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
        return encode(template.render(messages));
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
