package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Renders templates in tests. */
final class Rendered {
    /** 2026-01-02 03:04:05, a Friday. */
    static final Clock CLOCK =
            Clock.fixed(LocalDateTime.of(2026, 1, 2, 3, 4, 5).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);

    /** Variables that the tests of expressions use. */
    private static final Map<String, Object> VARIABLES = Map.of(
            "text",
            "Hello World",
            "number",
            7,
            "half",
            2.5,
            "list",
            List.of(3, 1, 2),
            "dict",
            ordered("b", 1, "a", "x"),
            "people",
            List.of(
                    ordered("name", "Bo", "age", 30, "admin", true),
                    ordered("name", "al", "age", 25),
                    ordered("name", "Cy", "age", 30, "admin", false)),
            "wide",
            "é日😀x");

    /** A message of a conversation. */
    record Message(String role, String content) {}

    private Rendered() {}

    /** A map in the order of its keys and values, as they come in turn. */
    static Map<String, Object> ordered(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }

    static String template(String source) {
        return new ChatTemplate(source).render(VARIABLES, CLOCK);
    }

    static String template(String source, Map<String, ?> variables) {
        return new ChatTemplate(source).render(variables, CLOCK);
    }

    /** What an expression prints. */
    static String expression(String expression) {
        return template("{{ " + expression + " }}");
    }

    /** Asserts what expressions print: an expression and its text in turn. */
    static void assertPrints(String... expressionsAndTexts) {
        for (int i = 0; i < expressionsAndTexts.length; i += 2) {
            assertEquals(expressionsAndTexts[i + 1], expression(expressionsAndTexts[i]), expressionsAndTexts[i]);
        }
    }

    /** Asserts that templates are refused when they are rendered, or before. */
    static void assertRefuses(String... templates) {
        for (String source : templates) {
            assertThrows(TemplateException.class, () -> template(source), source);
        }
    }

    static TemplateException refusal(String source) {
        return assertThrows(TemplateException.class, () -> template(source), source);
    }

    /** The prompt of a conversation, with an assistant's opening. */
    static String chat(String source, List<Message> messages) {
        List<Map<String, Object>> list = new ArrayList<>();
        for (Message message : messages) {
            list.add(ordered("role", message.role(), "content", message.content()));
        }
        return template(
                source,
                Map.of("messages", list, "add_generation_prompt", true, "bos_token", "<s>", "eos_token", "</s>"));
    }
}
