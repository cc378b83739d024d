package io.plumbline.node.gateway.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.Material;
import io.plumbline.inference.language.template.ChatTemplate;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.Gbnf;
import io.plumbline.verifier.grammar.Grammar;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CallFormatTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Predicate<String> CONTROLS = name -> true;
    private static final String CALL = "{\"name\": \"add\", \"%s\": {\"a\": 1, \"b\": {\"c\": \"<x>\\\"]\"}}}";
    private static final String PARAMETERS =
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}}}";

    /** A small schema may take as much work as any: a list of them has one's together. */
    @Test
    void manyToolsTakeNoMoreWorkThanOne() throws IOException {
        String costly = "{\"type\":[\"array\",\"array\"],\"prefixItems\":[".repeat(25) + "true" + "]}".repeat(25);
        List<JsonNode> tools = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            tools.add(JSON.readTree("{\"function\":{\"name\":\"t" + i + "\",\"parameters\":" + costly + "}}"));
        }
        assertTimeout(Duration.ofSeconds(60), () -> JsonCallFormat.TAGGED.grammar(tools, Set.of(), true, true));
    }

    @Test
    void aGrammarHoldsAnswersToCallsThatAreReadAsSuch() throws IOException {
        List<JsonNode> tools = new ArrayList<>();
        JSON.readTree("""
                        [{"type":"function","function":{"name":"add","parameters":{"type":"object","properties":
                        {"a":{"type":"integer"},"b":{"$ref":"#/$defs/b"}},"required":["a","b"],
                        "$defs":{"b":{"type":"object","properties":{"c":{"type":"string"}},"required":["c"]}}}}},
                        {"type":"function","function":{"name":"now"}}]""").forEach(tools::add);
        for (JsonCallFormat format : JsonCallFormat.values()) {
            String key = format == JsonCallFormat.BARE ? "parameters" : "arguments";
            String good = CALL.formatted(key);
            String now = "{\"name\": \"now\", \"" + key + "\": {}}";
            String wrong = "{\"name\": \"add\", \"" + key + "\": {\"a\": \"1\"}}";
            Grammar needed = Grammar.parse(format.grammar(tools, Set.of("add"), true, true));
            Grammar free = Grammar.parse(format.grammar(tools, Set.of("add"), false, true));
            for (String call : List.of(good, now)) {
                assertTrue(matches(needed, written(format, call)), format + " " + call);
                assertTrue(matches(free, written(format, call)), format + " " + call);
            }
            assertFalse(matches(needed, written(format, wrong)), format.name());
            assertFalse(matches(free, written(format, wrong)), format.name());
            assertFalse(matches(needed, "Just words."), format.name());
            for (String text : List.of("", "Just words.", " a <tool_cal { [")) {
                assertTrue(matches(free, text), format + " " + text);
            }
            if (!format.isWhole()) {
                assertTrue(matches(needed, written(format, good) + "\n" + written(format, now)), format.name());
                assertTrue(matches(free, "Words. " + written(format, good)), format.name());
                Grammar one = Grammar.parse(format.grammar(tools, Set.of(), true, false));
                assertFalse(matches(one, written(format, good) + "\n" + written(format, now)), format.name());
            }
        }
        // Arguments that a schema cannot be held to are any object, but for a strict tool.
        JsonNode odd = JSON.readTree("{\"function\":{\"name\":\"odd\",\"parameters\":{\"not\":{}}}}");
        assertTrue(matches(
                Grammar.parse(JsonCallFormat.BARE.grammar(List.of(odd), Set.of(), true, true)),
                "{\"name\": \"odd\", \"parameters\": {\"x\": [1]}}"));
        assertThrows(
                IllegalArgumentException.class,
                () -> JsonCallFormat.BARE.grammar(List.of(odd), Set.of("odd"), true, true));
    }

    /** A reference is one where a schema stands; in a value that is named, and as a name, it is what it says. */
    @Test
    void whatToolsSchemasCallTheirOwnIsTheirsAndDataStaysAsItIs() throws IOException {
        List<JsonNode> tools = new ArrayList<>();
        for (String schema : List.of("""
                {"type":"object","required":["where","kind","of"],"properties":{
                "where":{"const":{"$ref":"#/$defs/a"}},
                "kind":{"enum":[{"$ref":"#"},2]},
                "of":{"type":"object","required":["$ref"],"properties":{"$ref":{"$ref":"#/$defs/a"}}}},
                "$defs":{"a":{"type":"integer","default":{"$ref":"#/none"}}}}""", """
                {"type":"object","required":["b"],"properties":{"b":{"$ref":"#/examples/0"}},
                "examples":[{"$ref":"#/$defs/a"}],
                "$defs":{"a":{"type":"array","items":{"anyOf":[{"const":"x"},{"$ref":"#/$defs/a"}]}}}}""")) {
            tools.add(
                    JSON.readTree("{\"function\":{\"name\":\"t" + tools.size() + "\",\"parameters\":" + schema + "}}"));
        }
        for (JsonCallFormat format : JsonCallFormat.values()) {
            String key = format == JsonCallFormat.BARE ? "parameters" : "arguments";
            Grammar grammar = Grammar.parse(format.grammar(tools, Set.of("t0", "t1"), true, true));
            String first = "{\"name\": \"t0\", \"" + key + "\": {\"where\": {\"$ref\":\"#/$defs/a\"}, "
                    + "\"kind\": {\"$ref\":\"#\"}, \"of\": {\"$ref\": 7}}}";
            String second = "{\"name\": \"t1\", \"" + key + "\": {\"b\": [\"x\", [\"x\", []]]}}";
            assertTrue(matches(grammar, written(format, first)), format.name());
            assertTrue(matches(grammar, written(format, second)), format.name());
            assertFalse(matches(grammar, written(format, first.replace("7", "\"7\""))), format.name());
            assertFalse(matches(grammar, written(format, second.replace("[]", "7"))), format.name());
        }
    }

    /** A grammar has no control tokens, so models that write calls with them are held to calls without. */
    @Test
    void callsThatAreAskedForAreReadInTheFormatThatAGrammarCanSay() throws IOException {
        JsonNode tool = JSON.readTree("{\"function\":{\"name\":\"add\",\"parameters\":" + PARAMETERS + "}}");
        String held = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
        for (String template : List.of(
                "<|channel|><|message|>",
                "[TOOL_CALLS][ARGS]",
                "<tool_call><function=",
                "<tool_call><arg_key>",
                "<|tool_call><|\"|>",
                "<function_calls>")) {
            AnswerFormat answers = AnswerFormat.of(template, CONTROLS);
            Grammar grammar = Grammar.parse(answers.calls().grammar(List.of(tool), Set.of("add"), true, true));
            assertTrue(matches(grammar, held), template);
            assertFalse(matches(grammar, held.replace("1", "x")), template);
            ToolUse use = new ToolUse(answers.calls(), Map.of("add", JSON.readTree(PARAMETERS)), true);
            assertEquals(
                    "[C add{\"a\":1}]",
                    ReadAnswer.of(answers.reader(use, true, ""), held, new Random(1))
                            .toString(),
                    template);
        }
    }

    /** A grammar that lets text stand before a call lets a model reason there. */
    @Test
    void anAnswerThatIsHeldToCallsOrTextMayReasonFirst() throws IOException {
        AnswerFormat answers = AnswerFormat.of("<tool_call> arguments </think>", CONTROLS);
        JsonNode tool = JSON.readTree("{\"function\":{\"name\":\"add\",\"parameters\":" + PARAMETERS + "}}");
        Grammar grammar = Grammar.parse(answers.calls().grammar(List.of(tool), Set.of("add"), false, true));
        String answer = "<think>I add.</think>Well.<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>";
        assertTrue(matches(grammar, answer));
        ToolUse use = new ToolUse(answers.calls(), Map.of("add", JSON.readTree(PARAMETERS)), true);
        assertEquals(
                "[R I add.][T Well.][C add{}]",
                ReadAnswer.of(answers.reader(use, true, ""), answer, new Random(1))
                        .toString());
    }

    private static String written(JsonCallFormat format, String call) {
        return switch (format) {
            case TAGGED -> "<tool_call>\n" + call + "\n</tool_call>";
            case BARE -> call;
            case LISTED -> "[" + call + "]";
        };
    }

    private static boolean matches(Grammar grammar, String text) {
        return grammar.matches(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void textsWithoutAWordAreAllThatDoNotHoldIt() {
        Random random = new Random(8);
        for (String word : List.of("<ab>", "<aab", "xyz")) {
            Grammar grammar = Grammar.parse("root ::= " + Gbnf.without(word));
            int held = 0;
            for (int i = 0; i < 20_000; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(9); n > 0; n--) {
                    text.append((word + "q").charAt(random.nextInt(word.length() + 1)));
                }
                held += text.indexOf(word) >= 0 ? 1 : 0;
                assertEquals(text.indexOf(word) < 0, matches(grammar, text.toString()), word + " in " + text);
            }
            assertTrue(held > 5, word);
        }
    }

    @Test
    void theFormatIsTheOneThatTheTemplateTeaches() {
        assertEquals(
                JsonCallFormat.TAGGED,
                CallFormat.of("{% for t in tools %}<tool_call>{\"name\": , \"arguments\": }", CONTROLS));
        assertEquals(JsonCallFormat.LISTED, CallFormat.of("{% for t in tools %}[TOOL_CALLS] [{", CONTROLS));
        assertEquals(
                JsonCallFormat.BARE,
                CallFormat.of("{{ tools }}{\"name\": function name, \"parameters\": dictionary}", CONTROLS));
        assertEquals(
                ElementCallFormat.FUNCTION, CallFormat.of("{% for t in tools %}<tool_call><function=name>", CONTROLS));
        assertEquals(ElementCallFormat.KEY_AND_VALUE, CallFormat.of("<tool_call>{name}<arg_key> arguments", CONTROLS));
        assertEquals(MistralCallFormat.NAMED, CallFormat.of("[TOOL_CALLS]{{ name }}[ARGS]", CONTROLS));
        assertEquals(
                HarmonyCallFormat.HARMONY, CallFormat.of("<|start|>assistant<|channel|>final<|message|>", CONTROLS));
        assertEquals(new Gemma4CallFormat(false), CallFormat.of("<|tool_call>call:<|\"|><tool_call|>", CONTROLS));
        assertEquals(JsonCallFormat.LISTED, CallFormat.of("with <|tool_call|> followed by a JSON list", CONTROLS));
        assertEquals(PythonCallFormat.LINES, CallFormat.of("<function_calls></function_calls>", CONTROLS));
        assertNull(CallFormat.of("{{ messages }}", CONTROLS));
    }

    /** Ids are of the form that the family's templates take back. */
    @Test
    void callsHaveIdsThatTemplatesTake() {
        String digits = "0123456789abcdef".repeat(4);
        assertEquals("call_0123456789abcdef01234567", JsonCallFormat.TAGGED.callId(digits));
        assertEquals("012345678", JsonCallFormat.LISTED.callId(digits));
        assertEquals("012345678", MistralCallFormat.NAMED.callId(digits));
        assertEquals("call_0123456789abcdef01234567", HarmonyCallFormat.HARMONY.callId(digits));
    }

    /** A client tells the results of an answer's calls apart by their ids. */
    @Test
    void noTwoCallsOfAnAnswerHaveOneId() {
        Bytes32 request = Bytes32.of(HexFormat.of().parseHex("ff".repeat(32)));
        List<CallFormat> formats = new ArrayList<>(List.of(JsonCallFormat.values()));
        formats.addAll(List.of(ElementCallFormat.values()));
        formats.addAll(List.of(
                MistralCallFormat.NAMED,
                HarmonyCallFormat.HARMONY,
                PythonCallFormat.LINES,
                new Gemma4CallFormat(true),
                new Gemma4CallFormat(false)));
        for (CallFormat format : formats) {
            Set<String> ids = new HashSet<>();
            for (int call = 0; call < 3_000; call++) {
                assertTrue(ids.add(format.callId(request, call)), format + " " + call);
            }
            for (int call : new int[] {1 << 16, 1 << 24, Integer.MAX_VALUE}) {
                assertTrue(ids.add(format.callId(request, call)), format + " " + call);
            }
        }
        assertEquals("call_" + "ff".repeat(12), JsonCallFormat.TAGGED.callId(request, 0));
        assertEquals(
                "04" + "ff".repeat(11), JsonCallFormat.TAGGED.callId(request, 5).substring(5));
        assertEquals(
                "ff00ff" + "ff".repeat(9),
                JsonCallFormat.TAGGED.callId(request, 256).substring(5));
    }

    /** A model was trained on calls as its published template writes them: they are read as those calls. */
    @Test
    void callsAsPublishedTemplatesWriteThemAreRead() throws IOException {
        int known = 0;
        try (Stream<Path> files = Files.list(Material.of("templates"))) {
            for (Path file : files.filter(one -> one.toString().endsWith(".jinja"))
                    .sorted()
                    .toList()) {
                known += isRead(file.getFileName().toString(), Files.readString(file)) ? 1 : 0;
            }
        }
        assertTrue(known >= 12, known + " templates");
    }

    /** The same of those that come with the tests. */
    @Test
    void callsOfGptOssAndQwenAreReadAsTheirTemplatesWriteThem() throws IOException {
        for (String name : List.of("openai-gpt-oss-120b", "Qwen3-0.6B")) {
            try (InputStream in = Material.class.getResourceAsStream("/templates/" + name + ".jinja")) {
                assertTrue(isRead(name, new String(in.readAllBytes(), StandardCharsets.UTF_8)), name);
            }
        }
    }

    /** Whether the template shows tools and writes calls; where it does, that one is read as what it says. */
    private static boolean isRead(String name, String source) throws IOException {
        AnswerFormat answers = AnswerFormat.of(source, CONTROLS);
        CallFormat format = answers.calls();
        ChatTemplate template = new ChatTemplate(source);
        boolean isShown = format != null
                && rendered(template, List.of(Map.of("role", "user", "content", "x")), true)
                        .contains("sum_of_two");
        if (!isShown) {
            return false;
        }
        // The opening of an answer may share characters with a call.
        String before = rendered(
                template,
                List.of(Map.of("role", "user", "content", "Add.")),
                format instanceof JsonCallFormat json && json.isWhole());
        String after = rendered(
                template,
                List.of(
                        Map.of("role", "user", "content", "Add."),
                        Map.of("role", "assistant", "content", "", "tool_calls", List.of(called()))),
                false);
        String written = after.substring(begun(before, after))
                .replaceAll("<\\|[^|>]*\\|?>|<[a-z_]+\\|>|</s>|\\[[A-Z_]+\\]", "⟦$0⟧");
        if (!written.contains("sum_of_two")) {
            // It leaves calls out of a conversation.
            return false;
        }
        ToolUse use = new ToolUse(format, Map.of("sum_of_two", JSON.readTree(PARAMETERS)), true);
        String parts = ReadAnswer.of(answers.reader(use, false, ""), written, new Random(1))
                .toString();
        assertTrue(
                parts.contains("[C sum_of_two{\"a\":1,\"b\":\"x\"}]"),
                () -> name + ": " + written + " was read as " + parts);
        return true;
    }

    private static Map<String, Object> called() {
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("a", 1);
        arguments.put("b", "x");
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", "sum_of_two");
        function.put("arguments", arguments);
        return Map.of("id", "abcdefghi", "type", "function", "function", function);
    }

    private static String rendered(ChatTemplate template, List<Map<String, ?>> messages, boolean isAsking) {
        Map<String, Object> parameters = Map.of("type", "object", "properties", Map.of());
        Map<String, Object> tool = Map.of(
                "type",
                "function",
                "function",
                Map.of("name", "sum_of_two", "description", "Adds.", "parameters", parameters));
        Clock day = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);
        return template.render(
                Map.of(
                        "messages",
                        messages,
                        "tools",
                        List.of(tool),
                        "add_generation_prompt",
                        isAsking,
                        "bos_token",
                        "<s>",
                        "eos_token",
                        "</s>"),
                day);
    }

    /** Where two texts part. */
    private static int begun(String one, String other) {
        int at = 0;
        while (at < Math.min(one.length(), other.length()) && one.charAt(at) == other.charAt(at)) {
            at++;
        }
        return at;
    }
}
