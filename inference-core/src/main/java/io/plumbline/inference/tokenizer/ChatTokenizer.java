package io.plumbline.inference.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.audit.ModelTokenizer;
import io.plumbline.verifier.model.TokenFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A model's own way from chat messages to tokens and back: its tokenizer.json and its chat template. */
public final class ChatTokenizer implements ModelTokenizer, AutoCloseable {
    private static final String CONFIG = "tokenizer_config.json";

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

    /** Reads tokenizer.json, tokenizer_config.json and, where there is one, chat_template.jinja of a checkpoint's folder. */
    public static ChatTokenizer open(Path folder) throws IOException {
        SortedMap<String, byte[]> files = new TreeMap<>();
        for (String name : List.of(TokenizerFile.NAME, CONFIG, LoadedModel.TEMPLATE_FILE)) {
            Path path = folder.resolve(name);
            if (Files.isReadable(path)) {
                files.put(name, Files.readAllBytes(path));
            }
        }
        try {
            return of(new TokenFiles(files));
        } catch (IOException e) {
            throw new IOException(folder + ": " + e.getMessage(), e);
        }
    }

    /**
     * The tokenizer of an imported model, by the files its manifest names and by no others.
     *
     * @throws IOException naming the file that is missing or cannot be read.
     */
    public static ChatTokenizer of(TokenFiles files) throws IOException {
        for (String name : List.of(TokenizerFile.NAME, CONFIG)) {
            if (!files.bytes().containsKey(name)) {
                throw new IOException(name + " does not exist. A model needs it to turn text into tokens.");
            }
        }
        JsonNode config;
        try {
            config = new ObjectMapper().readTree(files.bytes().get(CONFIG));
        } catch (JacksonException e) {
            throw new IOException(CONFIG + " is not JSON: " + e.getOriginalMessage(), e);
        }
        byte[] own = files.bytes().get(LoadedModel.TEMPLATE_FILE);
        HuggingFaceTokenizer tokenizer = TokenizerFile.open(files.bytes().get(TokenizerFile.NAME), false);
        try {
            return new ChatTokenizer(tokenizer, config, own == null ? null : new String(own, StandardCharsets.UTF_8));
        } catch (RuntimeException e) {
            tokenizer.close();
            throw new IOException("the chat template cannot be read: " + e.getMessage(), e);
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

    @Override
    public int[] prompt(String messages, long time) {
        return prompt(ChatMessages.parse(messages));
    }

    private int[] encode(String text) {
        return Arrays.stream(tokenizer.encode(text, false, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    @Override
    public String decode(int[] tokens) {
        if (tokens.length == 0) {
            return "";
        }
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), true);
    }

    @Override
    public int stopsAfter(int[] tokens, List<String> stopTexts) {
        TextStream text = new TextStream(this, stopTexts);
        for (int i = 0; i < tokens.length; i++) {
            text.add(tokens[i]);
            if (text.isStopped()) {
                return i + 1;
            }
        }
        return -1;
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
