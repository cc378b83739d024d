package io.plumbline.node.gateway.tools;

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
import io.plumbline.node.gateway.grammar.Gbnf;
import io.plumbline.verifier.grammar.Grammar;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ToolFormatTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CALL = "{\"name\": \"add\", \"%s\": {\"a\": 1, \"b\": {\"c\": \"<x>\\\"]\"}}}";
    private static final String ARGUMENTS = "{\"a\":1,\"b\":{\"c\":\"<x>\\\"]\"}}";

    /** All parts, of texts that stand next to each other one. */
    private static List<String> read(ToolFormat format, boolean mayCallSeveral, String text, Random random) {
        AnswerReader reader = new ToolUse(format, Set.of("add", "now", "sum_of_two"), mayCallSeveral, false).reader();
        List<AnswerPart> parts = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + random.nextInt(5));
            parts.addAll(reader.add(text.substring(at, end)));
            at = end;
        }
        parts.addAll(reader.finish());
        List<String> all = new ArrayList<>();
        boolean isAfterText = false;
        for (AnswerPart part : parts) {
            if (part instanceof AnswerPart.Text said) {
                all.add(isAfterText ? all.removeLast() + said.text() : said.text());
                isAfterText = true;
            } else if (part instanceof AnswerPart.Call call) {
                all.add(call.name() + call.arguments());
                isAfterText = false;
            }
        }
        return all;
    }

    private static void check(ToolFormat format, String text, String... parts) {
        for (long seed = 0; seed < 30; seed++) {
            assertEquals(List.of(parts), read(format, true, text, new Random(seed)), text + " seed " + seed);
        }
    }

    @Test
    void callsAreReadOutOfTheTextWhateverPiecesItComesIn() {
        String call = CALL.formatted("arguments");
        String tagged = "<tool_call>\n" + call + "\n</tool_call>";
        check(ToolFormat.TAGGED, tagged, "add" + ARGUMENTS);
        check(
                ToolFormat.TAGGED,
                "I add. <t " + tagged + "\n" + tagged,
                "I add. <t ",
                "add" + ARGUMENTS,
                "add" + ARGUMENTS);
        check(ToolFormat.TAGGED, "<tool_call>" + call, "add" + ARGUMENTS);
        check(ToolFormat.TAGGED, tagged + " Done.", "add" + ARGUMENTS, " Done.");
        check(ToolFormat.BARE, CALL.formatted("parameters"), "add" + ARGUMENTS);
        check(ToolFormat.BARE, "\n" + CALL.formatted("arguments") + "\n", "add" + ARGUMENTS);
        check(ToolFormat.LISTED, " [" + call + ", {\"name\": \"now\", \"arguments\": {}}]", "add" + ARGUMENTS, "now{}");
    }

    @Test
    void theNumbersOfACallAreThoseThatTheModelWrote() {
        check(
                ToolFormat.TAGGED,
                "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": [1e400, 0.10, 12345678901234567890.5]}}</tool_call>",
                "add{\"a\":[1E+400,0.10,12345678901234567890.5]}");
    }

    /** A small schema may take as much work as any: a list of them has one's together. */
    @Test
    void manyToolsTakeNoMoreWorkThanOne() throws IOException {
        String costly = "{\"type\":[\"array\",\"array\"],\"prefixItems\":[".repeat(25) + "true" + "]}".repeat(25);
        List<JsonNode> tools = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            tools.add(JSON.readTree("{\"function\":{\"name\":\"t" + i + "\",\"parameters\":" + costly + "}}"));
        }
        assertTimeout(Duration.ofSeconds(10), () -> ToolFormat.TAGGED.grammar(tools, Set.of(), true, true));
    }

    @Test
    void whatIsNoCallOfAToolThatWasOfferedIsText() {
        for (String text : List.of(
                "",
                "No call.",
                "<tool_call>no json</tool_call>",
                "<tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>",
                "<tool_call>{\"name\": \"add\", \"arguments\": 7}</tool_call> and on",
                "<tool_call>{\"name\": \"add\"}</tool_call>",
                "<tool_call>{\"name\": \"add\", \"arguments\": {}} x</tool_call>",
                "<tool_call>",
                "a <tool_cal",
                "{\"name\": \"other\", \"parameters\": {}}",
                "{ a set }",
                "[1, 2]",
                "[ ]",
                "text {\"name\": \"add\", \"parameters\": {}}")) {
            for (ToolFormat format : ToolFormat.values()) {
                String[] parts = text.isEmpty() ? new String[0] : new String[] {text};
                check(format, text, parts);
            }
        }
    }

    @Test
    void oneCallIsToldWhereNoMoreAreWanted() {
        String tagged = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
        assertEquals(List.of("now{}"), read(ToolFormat.TAGGED, false, tagged + tagged, new Random(1)));
    }

    @Test
    void aGrammarHoldsAnswersToCallsThatAreReadAsSuch() throws IOException {
        List<JsonNode> tools = new ArrayList<>();
        JSON.readTree("""
                        [{"type":"function","function":{"name":"add","parameters":{"type":"object","properties":
                        {"a":{"type":"integer"},"b":{"$ref":"#/$defs/b"}},"required":["a","b"],
                        "$defs":{"b":{"type":"object","properties":{"c":{"type":"string"}},"required":["c"]}}}}},
                        {"type":"function","function":{"name":"now"}}]""").forEach(tools::add);
        for (ToolFormat format : ToolFormat.values()) {
            String key = format == ToolFormat.BARE ? "parameters" : "arguments";
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
                Grammar.parse(ToolFormat.BARE.grammar(List.of(odd), Set.of(), true, true)),
                "{\"name\": \"odd\", \"parameters\": {\"x\": [1]}}"));
        assertThrows(
                IllegalArgumentException.class, () -> ToolFormat.BARE.grammar(List.of(odd), Set.of("odd"), true, true));
    }

    private static String written(ToolFormat format, String call) {
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
        assertEquals(ToolFormat.TAGGED, ToolFormat.of("{% for t in tools %}<tool_call>{\"name\": , \"arguments\": }"));
        assertEquals(ToolFormat.LISTED, ToolFormat.of("{% for t in tools %}[TOOL_CALLS] [{"));
        assertEquals(
                ToolFormat.BARE, ToolFormat.of("{{ tools }}{\"name\": function name, \"parameters\": dictionary}"));
        assertNull(ToolFormat.of("{% for t in tools %}<tool_call><function=name>"));
        assertNull(ToolFormat.of("{{ messages }}"));
    }

    /** A model was trained on calls as its published template writes them: they are read as those calls. */
    @Test
    void callsAsPublishedTemplatesWriteThemAreRead() throws IOException {
        int known = 0;
        try (Stream<Path> files = Files.list(Material.of("templates"))) {
            for (Path file : files.filter(one -> one.toString().endsWith(".jinja"))
                    .sorted()
                    .toList()) {
                String source = Files.readString(file);
                ToolFormat format = ToolFormat.of(source);
                ChatTemplate template = new ChatTemplate(source);
                boolean isShown = format != null
                        && rendered(template, List.of(Map.of("role", "user", "content", "x")), true)
                                .contains("sum_of_two");
                if (isShown) {
                    // What opens an answer may share characters with a call.
                    String before =
                            rendered(template, List.of(Map.of("role", "user", "content", "Add.")), format.isWhole());
                    String after = rendered(
                            template,
                            List.of(
                                    Map.of("role", "user", "content", "Add."),
                                    Map.of("role", "assistant", "content", "", "tool_calls", List.of(called()))),
                            false);
                    String written =
                            after.substring(begun(before, after)).replaceAll("<\\|[^|]*\\|>|</s>|\\[TOOL_CALLS\\]", "");
                    if (!written.contains("sum_of_two")) {
                        // It leaves calls out of a conversation.
                        continue;
                    }
                    known++;
                    String name = file.getFileName().toString();
                    List<String> parts = read(format, true, written, new Random(1));
                    assertTrue(
                            parts.contains("sum_of_two{\"a\":1,\"b\":\"x\"}"),
                            () -> name + ": " + written + " was read as " + parts);
                }
            }
        }
        assertTrue(known >= 8, known + " templates");
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
