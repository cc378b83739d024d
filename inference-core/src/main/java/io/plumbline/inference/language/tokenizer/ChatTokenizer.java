package io.plumbline.inference.language.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.template.ChatTemplate;
import io.plumbline.inference.language.template.TemplateException;
import io.plumbline.verifier.audit.ModelTokenizer;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.model.TokenFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** A model's own way from chat messages to tokens and back: its tokenizer.json and its chat template. */
public final class ChatTokenizer implements ModelTokenizer, AutoCloseable {
    private static final String CONFIG = "tokenizer_config.json";

    /**
     * Tokens that transformers passes to a template by these names, where a model has them; the others are undefined
     * there.
     */
    private static final List<String> SPECIAL_TOKENS =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    /**
     * In the harmony format an answer is several messages. What a template writes after one ends the message; these end
     * the answer: its last one, and a call, which a tool is to answer.
     */
    private static final List<String> HARMONY_STOPS = List.of("<|return|>", "<|call|>");

    /** What a model is tried with before it is used: a first message, and one with a system's message before it. */
    private static final List<List<Message>> PROBES = List.of(
            List.of(new Message("user", "Hello")),
            List.of(new Message("system", "Be brief."), new Message("user", "Hello")));

    /** Who speaks by OpenAI's newer name for a system's message; templates of before it do not know it. */
    private static final String DEVELOPER = "developer";

    private final HuggingFaceTokenizer tokenizer;
    private final PromptEncoder encoder;
    private final ChatTemplate template;
    private final String written;
    private final boolean knowsDeveloper;

    /** Whether the template asks for an assistant's reasoning as {@code thinking}. */
    private final boolean takesThinking;

    /** Whether texts begin with a token of their own; null where only the tokenizer's file says. */
    private final Boolean addsBeginning;

    /** For what is found out about a template when it is opened: the same on every host, whenever that is. */
    private static final Clock SOME_DAY = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

    private final String templateFile;

    /** By which facts in requests are proven; null where none is known. */
    private final TrustedLedger ledger;

    /** Of the tokenizer; read again for what few ask for. */
    private final byte[] file;

    private TokenBytes bytes;
    private Vocabulary vocabulary;
    private ToolProbe toolProbe;
    private final Map<String, Object> specials = new HashMap<>();

    private ChatTokenizer(
            HuggingFaceTokenizer tokenizer,
            byte[] file,
            JsonNode config,
            String source,
            String templateFile,
            TrustedLedger ledger)
            throws IOException {
        this.tokenizer = tokenizer;
        this.ledger = ledger;
        this.file = file;
        this.templateFile = templateFile;
        for (String name : SPECIAL_TOKENS) {
            JsonNode node = config.path(name);
            JsonNode text = node.isObject() ? node.path("content") : node;
            if (text.isTextual()) {
                specials.put(name, text.asText());
            }
        }
        this.addsBeginning = config.path("add_bos_token").isBoolean()
                ? (Boolean) config.get("add_bos_token").booleanValue()
                : null;
        this.template = source == null ? null : new ChatTemplate(source);
        this.written = source == null ? "" : source;
        this.knowsDeveloper = written.contains(DEVELOPER);
        this.takesThinking = written.contains("message.thinking");
        ControlTokens controls = new ControlTokens(file, written + writes());
        this.encoder = new PromptEncoder(tokenizer, controls, file);
        for (ControlTokens.Added one : controls.added()) {
            requireItsId(one);
        }
    }

    /** The library numbers added tokens anew where their ids do not follow the vocabulary's; others read the file. */
    private void requireItsId(ControlTokens.Added one) throws IOException {
        int id = encoder.only(one.text());
        // One that no text by itself becomes, as may be where it is looked for in normalized texts, has a name.
        if (id < 0 ? !name(one.id()).equals(one.text()) : id != one.id()) {
            throw new IOException(TokenizerFile.NAME + ": token \"" + one.text() + "\" has the id " + one.id()
                    + (id < 0 ? ", by which the tokenizer does not know it" : ", and the tokenizer gives it " + id)
                    + ": added tokens that are not in the vocabulary must follow it, one by one.");
        }
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

    /**
     * One chat message.
     *
     * @param more of its fields that a template may ask for, by name.
     * @param toolCalls of an assistant: objects {@code {"id", "type", "function": {"name", "arguments"}}}, the
     *     arguments an object too.
     */
    public record Message(String role, String content, SortedMap<String, String> more, List<JsonNode> toolCalls) {
        public Message(String role, String content) {
            this(role, content, Collections.emptySortedMap(), List.of());
        }
    }

    /**
     * Reads tokenizer.json, tokenizer_config.json and, where there is one, chat_template.jinja of a checkpoint's
     * folder.
     */
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
            throw new IOException(folder + "/" + e.getMessage(), e);
        }
    }

    /** As {@link #of(TokenFiles, TrustedLedger)}, for requests without facts. */
    public static ChatTokenizer of(TokenFiles files) throws IOException {
        return of(files, null);
    }

    /**
     * The tokenizer of an imported model, by the files its manifest names and by no others.
     *
     * @param ledger that facts in requests are proven by; null where none is known, and such requests become no prompt.
     * @throws IOException naming the file that is missing or cannot be read.
     */
    public static ChatTokenizer of(TokenFiles files, TrustedLedger ledger) throws IOException {
        for (String name : List.of(TokenizerFile.NAME, CONFIG)) {
            if (!files.bytes().containsKey(name)) {
                throw new IOException(name + " does not exist. A model needs it to turn text into tokens.");
            }
        }
        JsonNode config = config(files.bytes().get(CONFIG));
        byte[] own = files.bytes().get(LoadedModel.TEMPLATE_FILE);
        String templateFile = own == null ? CONFIG : LoadedModel.TEMPLATE_FILE;
        String template = own == null ? template(config.path("chat_template")) : text(own);
        HuggingFaceTokenizer tokenizer = TokenizerFile.open(files.bytes().get(TokenizerFile.NAME), false);
        try {
            return new ChatTokenizer(
                    tokenizer, files.bytes().get(TokenizerFile.NAME), config, template, templateFile, ledger);
        } catch (TemplateException e) {
            tokenizer.close();
            throw new IOException(templateFile + ": " + e.getMessage(), e);
        } catch (IOException | RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    private static JsonNode config(byte[] file) throws IOException {
        try {
            return new ObjectMapper().readTree(file);
        } catch (JacksonException e) {
            throw new IOException(CONFIG + " is not JSON: " + e.getOriginalMessage() + ". Download it again.", e);
        }
    }

    private static String text(byte[] file) throws IOException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(file))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IOException(
                    LoadedModel.TEMPLATE_FILE + " is not UTF-8 text. Download the chat template again.", e);
        }
    }

    /**
     * Turns a first message into tokens, so that a model that cannot do so is found out before a client asks.
     *
     * @throws IOException where the template cannot render it, or refuses it with a system's message and without, or
     *     where the tokenizer cannot take the text; names the file.
     */
    public void probe() throws IOException {
        TemplateException refusal = null;
        for (List<Message> probe : PROBES) {
            try {
                prompt(probe);
                encoder.probe();
                return;
            } catch (TemplateException e) {
                if (refusal == null) {
                    refusal = e;
                }
                if (e.kind() != TemplateException.Kind.REFUSED) {
                    break;
                }
            } catch (RuntimeException e) {
                throw new IOException(
                        TokenizerFile.NAME + " cannot turn a text into tokens: " + e.getMessage()
                                + ". Download it again.",
                        e);
            }
        }
        throw new IOException(
                templateFile + ": a conversation of one message cannot be rendered. " + refusal.getMessage(), refusal);
    }

    /**
     * Prompt tokens of a conversation. A model without a chat template gets the contents joined, with what its
     * tokenizer puts before a text: it continues them. A template that asks for the day is told that of UTC, the same
     * on every host. What the conversation says stays text, also where it spells out a control token; a developer's
     * message is a system's where the template does not know the name.
     *
     * @throws IllegalArgumentException where the template refuses the conversation, or cannot render it, or the
     *     tokenizer would take too long for what it is rendered to.
     */
    public int[] prompt(List<Message> messages) {
        return prompt(Conversation.of(messages), Clock.systemUTC());
    }

    /** As {@link #prompt(Conversation, Clock)}, without tools. */
    public int[] prompt(List<Message> messages, Clock clock) {
        return prompt(Conversation.of(messages), clock);
    }

    /**
     * As {@link #prompt(List)}, with a clock for templates that ask for the day: see {@link #promptsDependOnTheDay}.
     * Where the template does not know tools, a conversation with some is refused. Facts and files in it are proven,
     * and fresh, by that clock.
     */
    public int[] prompt(Conversation whole, Clock clock) {
        return TokenizerThreads.call(() -> rendered(whole, clock));
    }

    private int[] rendered(Conversation whole, Clock clock) {
        Conversation conversation = whole.told(ledger, clock.instant().getEpochSecond());
        List<Message> messages = conversation.messages();
        boolean isUnknown = !conversation.tools().isEmpty() && !knowsTools()
                || conversation.hasAnswers() && !toolProbe().showsAnswers();
        if (isUnknown) {
            throw new IllegalArgumentException(
                    "This model's chat template knows no tools. Leave them out, or ask a model made for them.");
        }
        for (String name : conversation.options().values().keySet()) {
            if (!templateAsksFor(name)) {
                throw new IllegalArgumentException("This model's chat template does not ask for \"" + name
                        + "\", so that it would say nothing. Leave it out.");
            }
        }
        if (template == null) {
            StringBuilder text = new StringBuilder();
            for (Message message : messages) {
                text.append(message.content());
            }
            return withoutTemplate(encoder.encode(encoder.mark(text.toString()), true));
        }
        List<ToolResponses.Turn> turns =
                conversation.hasAnswers() && toolProbe().takesResponses()
                        ? ToolResponses.turns(messages)
                        : messages.stream()
                                .map(message -> new ToolResponses.Turn(message, List.of()))
                                .toList();
        List<Map<String, Object>> list = new ArrayList<>();
        for (ToolResponses.Turn turn : turns) {
            Message message = turn.message();
            Map<String, Object> one = new LinkedHashMap<>();
            boolean isRenamed = message.role().equals(DEVELOPER) && !knowsDeveloper;
            one.put("role", isRenamed ? "system" : message.role());
            one.put("content", encoder.mark(message.content()));
            message.more().forEach((name, text) -> one.put(name, encoder.mark(text)));
            if (takesThinking && message.more().containsKey(ChatMessages.REASONING)) {
                putThinking(one, message);
            }
            if (!message.toolCalls().isEmpty()) {
                one.put("tool_calls", data(message.toolCalls()));
            }
            if (!turn.answers().isEmpty()) {
                one.put(ToolResponses.FIELD, turn.responses(encoder::mark));
            }
            list.add(one);
        }
        Map<String, Object> variables = new HashMap<>(specials);
        variables.put("messages", list);
        if (!conversation.tools().isEmpty()) {
            variables.put("tools", data(conversation.tools()));
        }
        conversation
                .options()
                .values()
                .forEach((name, value) -> variables.put(name, JsonData.of(value, encoder::mark)));
        variables.put("add_generation_prompt", true);
        return encoder.encode(template.render(variables, clock), false);
    }

    /** Whether the model's chat template does something with a variable of that name. */
    public boolean templateAsksFor(String name) {
        return template != null && template.hasName(name);
    }

    /** Reasoning by gpt-oss's name for it; beside a call its template takes it or a content, and not both. */
    private void putThinking(Map<String, Object> one, Message message) {
        String thinking = message.more().get(ChatMessages.REASONING);
        if (!message.toolCalls().isEmpty() && !message.content().isEmpty()) {
            // It would write the content where it writes reasoning.
            thinking = thinking.isEmpty() ? message.content() : thinking + "\n" + message.content();
            one.put("content", "");
        }
        one.put("thinking", encoder.mark(thinking));
    }

    private List<Object> data(List<JsonNode> json) {
        return json.stream().map(one -> JsonData.of(one, encoder::mark)).toList();
    }

    private synchronized ToolProbe toolProbe() {
        if (toolProbe == null) {
            toolProbe = ToolProbe.of(template, written, specials, SOME_DAY);
        }
        return toolProbe;
    }

    /** Whether the model's chat template shows the model what tools it may call. */
    public boolean knowsTools() {
        return toolProbe().showsTools();
    }

    /** The source of the model's chat template; empty where it has none. */
    public String templateSource() {
        return written;
    }

    /**
     * The tokens of a text that is to go on, with those that the model's texts begin with. Names of control tokens in
     * it are text.
     *
     * @throws IllegalArgumentException where the tokenizer would take too long for it.
     */
    public int[] text(String text) {
        return TokenizerThreads.call(() -> withoutTemplate(encoder.encode(encoder.mark(text), true)));
    }

    /** What the template writes around a conversation of all roles: it may compose what its source does not hold. */
    private String writes() {
        if (template == null) {
            return "";
        }
        StringBuilder all = new StringBuilder();
        for (List<String> roles : List.of(
                List.of("user"),
                List.of("user", "assistant", "user"),
                List.of("system", "user", "assistant", "user"))) {
            Map<String, Object> variables = new HashMap<>(specials);
            variables.put(
                    "messages", roles.stream().map(role -> said(role, "x")).toList());
            variables.put("add_generation_prompt", true);
            try {
                all.append(template.render(variables, SOME_DAY)).append('\n');
            } catch (TemplateException e) {
                // It takes no such conversation. A host that is slow must not come to another set of tokens.
                if (e.kind() == TemplateException.Kind.TOO_SLOW) {
                    throw e;
                }
            }
        }
        return all.toString();
    }

    /** A tokenizer's configuration may say otherwise than its file whether texts begin with a token of their own. */
    private int[] withoutTemplate(int[] tokens) {
        int beginning = specials.get("bos_token") instanceof String text ? encoder.only(text) : -1;
        boolean begins = beginning >= 0 && tokens.length > 0 && tokens[0] == beginning;
        if (beginning < 0 || addsBeginning == null || addsBeginning == begins) {
            return tokens;
        }
        if (begins) {
            return Arrays.copyOfRange(tokens, 1, tokens.length);
        }
        int[] all = new int[tokens.length + 1];
        all[0] = beginning;
        System.arraycopy(tokens, 0, all, 1, tokens.length);
        return all;
    }

    /**
     * Tokens that end an answer by what this model's tokenizer and template say: its end-of-text token, and what the
     * template writes after what an assistant has said.
     */
    public SortedSet<Integer> stops() {
        SortedSet<Integer> stops = new TreeSet<>();
        if (specials.get("eos_token") instanceof String text) {
            stops.add(encoder.only(text));
        }
        if (HARMONY_STOPS.stream().allMatch(written::contains)) {
            HARMONY_STOPS.forEach(text -> stops.add(encoder.only(text)));
        } else {
            stops.add(endOfTurn());
        }
        if (written.contains(ToolResponses.MARK)) {
            // Behind its calls a model begins what the tools are to answer.
            stops.add(encoder.only(ToolResponses.MARK));
        }
        stops.remove(-1);
        return stops;
    }

    private int endOfTurn() {
        if (template == null) {
            return -1;
        }
        String said = "Hello there.";
        Map<String, Object> variables = new HashMap<>(specials);
        variables.put("messages", List.of(said("user", "Hi"), said("assistant", said)));
        try {
            String rendered = template.render(variables, SOME_DAY);
            int at = rendered.lastIndexOf(said);
            return at < 0 ? -1 : encoder.controlTokenAt(rendered.substring(at + said.length()));
        } catch (TemplateException e) {
            if (e.kind() == TemplateException.Kind.TOO_SLOW) {
                throw e;
            }
            return -1;
        }
    }

    /** A message whose fields stand in the same order on every host. */
    private static Map<String, Object> said(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    /** Whether the model has a chat template of its own. */
    public boolean hasTemplate() {
        return template != null;
    }

    /** Whether the same messages may give other tokens tomorrow: the template asks for the day. */
    public boolean promptsDependOnTheDay() {
        return template != null && template.usesClock();
    }

    @Override
    public int[] prompt(String messages, long time) {
        try {
            return prompt(ChatMessages.parse(messages), Clock.fixed(Instant.ofEpochSecond(time), ZoneOffset.UTC));
        } catch (TemplateException e) {
            if (e.kind() == TemplateException.Kind.TOO_SLOW) {
                // Another host may be quicker: nobody is refuted by this.
                throw new IllegalStateException(e.getMessage(), e);
            }
            throw e;
        }
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

    /** Whether a name is that of a control token, which stands in no text. */
    public boolean isControl(String name) {
        return tokenBytes().isControl(name);
    }

    /** The bytes that one token stands for, which may be a part of a character. */
    public byte[] bytes(int token) {
        return tokenBytes().of(token);
    }

    @Override
    public synchronized Vocabulary vocabulary() {
        if (vocabulary == null) {
            TokenBytes known = tokenBytes();
            int size = known.size();
            byte[] silent = new byte[0];
            List<byte[]> all = new ArrayList<>(size);
            int word = -1;
            for (int token = 0; token < size; token++) {
                all.add(known.isSilent(token) ? silent : known.of(token));
                if (word < 0 && isWordBehindSpace(all.getLast())) {
                    word = token;
                }
            }
            // Some decoders leave out the space that a text's first word stands behind.
            boolean dropsFirstSpace = word >= 0 && !decode(new int[] {word}).startsWith(" ");
            vocabulary = new Vocabulary(all, dropsFirstSpace);
        }
        return vocabulary;
    }

    private static boolean isWordBehindSpace(byte[] bytes) {
        return bytes.length > 1 && bytes[0] == ' ' && bytes[1] >= 'A' && bytes[1] <= 'z';
    }

    /** What the tokens of its vocabulary are in bytes. */
    synchronized TokenBytes tokenBytes() {
        if (bytes == null) {
            try {
                bytes = new TokenBytes(file);
            } catch (IOException e) {
                throw new UncheckedIOException("It was read before.", e);
            }
        }
        return bytes;
    }

    @Override
    public void close() {
        encoder.close();
        tokenizer.close();
    }
}
