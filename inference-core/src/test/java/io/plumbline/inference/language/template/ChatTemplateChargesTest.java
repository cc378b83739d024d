package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.template.TemplateException.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever reads a text is charged for its length. What is not would end by the clock: the same conversation would be a
 * prompt on a fast host, and none on a slow one.
 */
class ChatTemplateChargesTest {
    private static final int CHARACTERS = 4_000_000;

    /**
     * Steps for one or two readings of the text. Without a charge the loop reads it some hundred thousand times, which
     * no host does in the time.
     */
    private static final Limits LIMITS =
            new Limits(100_000, 80, 300, 750_000, 1 << 20, 128 << 20, 100_000, Duration.ofSeconds(10));

    /** Arguments of those that need some: a text is the one that is read. */
    private static final Map<String, String> ARGUMENTS = new TreeMap<>(Map.ofEntries(
            Map.entry("replace", "'b', 'c'"),
            Map.entry("startswith", "t"),
            Map.entry("endswith", "t"),
            Map.entry("removeprefix", "'b'"),
            Map.entry("removesuffix", "'b'"),
            Map.entry("find", "' ', 1"),
            Map.entry("rfind", "'b'"),
            Map.entry("index", "t[-1], 1"),
            Map.entry("rindex", "t[0]"),
            Map.entry("partition", "'b'"),
            Map.entry("rpartition", "'b'"),
            Map.entry("join", "['b', t]"),
            Map.entry("center", "3"),
            Map.entry("ljust", "3"),
            Map.entry("rjust", "3"),
            Map.entry("zfill", "3"),
            Map.entry("split", "'b'"),
            Map.entry("rsplit", "'b'"),
            Map.entry("format_map", "{}"),
            Map.entry("batch", "2"),
            Map.entry("slice", "2"),
            Map.entry("groupby", "0"),
            Map.entry("truncate", "8"),
            Map.entry("map", "'upper'"),
            Map.entry("select", "'upper'"),
            Map.entry("reject", "'lower'"),
            Map.entry("selectattr", "0"),
            Map.entry("rejectattr", "0"),
            Map.entry("attr", "'b'"),
            Map.entry("divisibleby", "2"),
            Map.entry("sameas", "t"),
            Map.entry("in", "[u]"),
            Map.entry("eq", "u")));

    /** As texts come: plain, blanks, of characters beyond 16 bits, and with marks. */
    private static Map<String, Object> texts() {
        return Map.of(
                "plain", "a".repeat(CHARACTERS),
                "blank", " ".repeat(CHARACTERS),
                "wide", "😀".repeat(CHARACTERS / 2),
                "marked", MarkedText.mark("<".repeat(CHARACTERS), "<"));
    }

    private static final Map<String, Object> TEXTS = texts();

    /** How a template ends that does something again and again; null where it does not fail. */
    private static TemplateException end(String operation, String text) {
        Map<String, Object> variables = Map.of("t", TEXTS.get(text), "u", TEXTS.get(text) + "b");
        String source = "{% for i in range(100000) %}{% for j in range(100000) %}{% set x = " + operation
                + " %}{% endfor %}{% endfor %}";
        try {
            new ChatTemplate(source, LIMITS).render(variables, Rendered.CLOCK);
            return null;
        } catch (TemplateException e) {
            return e;
        }
    }

    private static void assertNotByTheClock(String operation) {
        List<String> slow = new ArrayList<>();
        for (String text : TEXTS.keySet()) {
            TemplateException e = end(operation, text);
            if (e != null && e.kind() == Kind.TOO_SLOW) {
                slow.add(operation + " of " + text + ": " + e.getMessage());
            }
        }
        assertEquals(List.of(), slow);
    }

    static Stream<String> filters() {
        return Filters.names().stream().flatMap(ChatTemplateChargesTest::withArguments);
    }

    static Stream<String> methods() {
        return TextMethods.names().stream().flatMap(ChatTemplateChargesTest::withArguments);
    }

    static Stream<String> tests() {
        return ValueTests.names().stream().flatMap(ChatTemplateChargesTest::withArguments);
    }

    private static Stream<String> withArguments(String name) {
        String arguments = ARGUMENTS.get(name);
        return arguments == null ? Stream.of(name + "()") : Stream.of(name + "(" + arguments + ")", name + "()");
    }

    @ParameterizedTest
    @MethodSource("filters")
    void filtersAreCharged(String filter) {
        assertNotByTheClock("t | " + filter);
        assertNotByTheClock("(t | safe) | " + filter + " | string");
    }

    @ParameterizedTest
    @MethodSource("methods")
    void methodsAreCharged(String method) {
        assertNotByTheClock("t." + method);
        assertNotByTheClock("(t | safe)." + method);
    }

    @ParameterizedTest
    @MethodSource("tests")
    void testsAreCharged(String test) {
        assertNotByTheClock("t is " + test);
        assertNotByTheClock("(t | safe) is " + test);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'a' in t",
                "'' in t",
                "t[0]",
                "(t | safe)[-1]",
                "t[1:2]",
                "(t | safe)[2000000:2000001]",
                "t[::-1000000]",
                "t == u",
                "t < u",
                "{t: 1}",
                "{'a': 1}[t]",
                "{t[1:]: 1}.get(t)",
                "dict(**{t: 1})",
                "[t, 1] == [u, 1]",
                "(t, 1) in {(u, 1): 2}",
                "'%.1s' % t",
                "'%s' % t",
                "'%c' % (t | safe)",
                "'{:.1}'.format(t)",
                "'{:3}'.format(t)",
                "'{}'.format(t)",
                "'b'.join([t])",
                "'b'.replace(t, '')",
                "t.find('a', 1)",
                "t.count('')",
                "t.count('a', 1, 2)",
                "t.startswith('a', 1)",
                "t.strip('b')",
                "[1, 2] | sort(attribute=t)",
                "[1, 2] | map(attribute=t) | list",
                "t | batch(3) | first",
                "t is in(u)",
                "t | last",
                "(t | safe) | last",
                "t ~ u",
                "t + u",
                "t | tojson",
                "[t] | string",
                "[t, u] | unique | list",
                "{t: 1} | dictsort",
                "strftime_now(t)",
            })
    void operationsAreCharged(String operation) {
        assertNotByTheClock(operation);
    }

    @Test
    void aLoopOverATextThatIsLeftAtOnceIsCharged() {
        String source = "{% for i in range(100000) %}{% for c in t | safe %}{% break %}{% endfor %}{% endfor %}";
        for (Object text : TEXTS.values()) {
            try {
                new ChatTemplate(source, LIMITS).render(Map.of("t", text), Rendered.CLOCK);
            } catch (TemplateException e) {
                assertNotEquals(Kind.TOO_SLOW, e.kind(), e.getMessage());
            }
        }
    }

    @Test
    void namesOfALoopAreChargedAtEachTurn() {
        StringBuilder body = new StringBuilder();
        for (int i = 0; i < 5_000; i++) {
            body.append("{% set a").append(i).append(" = 1 %}");
        }
        String source = "{% for i in range(100000) %}{% continue %}" + body + "{% endfor %}";
        Limits limits = new Limits(300_000, 80, 300, 1_000_000, 1 << 20, 128 << 20, 100_000, Duration.ofMinutes(10));
        TemplateException e = end(source, limits);
        assertTrue(e != null && e.getMessage().contains("1000000 steps"), String.valueOf(e));
    }

    @Test
    void numbersAreReadInOneGo() {
        // Were digits given back, each of these would be tried at each of its lengths.
        String digits = "1".repeat(399) + "x";
        assertNotByTheClock("'" + digits + "' | float");
        assertNotByTheClock("'" + digits + "' | int");
        assertEquals(
                "1.5 15.0 0.0 12.0", Rendered.expression("['1.5', '1_5', '1__5', '12.'] | map('float') | join(' ')"));
    }

    @Test
    void tuplesAreKeysByWhatTheyHold() {
        Rendered.assertPrints(
                "('Aa', 1) in {('Aa', 1): 2}", "True",
                "('BB', 1) in {('Aa', 1): 2}", "False",
                "('a1', 'b') in {('a', '1b'): 2}", "False",
                "{(1, 'a'): 2}[(true, 'a')]", "2",
                "{(1, 'a'): 2}.get(('1', 'a'))", "None",
                "{('n1:1',): 2}.get((1,))", "None");
    }

    @Test
    void keysOfOneHashAreFoundInFewSteps() {
        // "Aa" and "BB" have one hash, and so has all that is made of as many of them.
        Map<String, Object> same = new TreeMap<>();
        for (int i = 0; i < 1 << 16; i++) {
            StringBuilder text = new StringBuilder();
            for (int bit = 0; bit < 16; bit++) {
                text.append((i >> bit & 1) == 0 ? "Aa" : "BB");
            }
            same.put(text.toString(), 1);
        }
        String source = "{{ same | items | unique | list | length }}";
        assertEquals("65536", new ChatTemplate(source).render(Map.of("same", same), Rendered.CLOCK));
    }

    private static TemplateException end(String source, Limits limits) {
        try {
            new ChatTemplate(source, limits).render(Map.of(), Rendered.CLOCK);
            return null;
        } catch (TemplateException e) {
            return e;
        }
    }
}
