package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.plumbline.inference.language.template.TemplateException.Kind;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hostile templates and messages end in bounded time, memory and stack. */
class ChatTemplateLimitsTest {
    /** What the threads of a server may have; the default is twice as much. */
    private static final int STACK_BYTES = 512 << 10;

    private static final long MAX_MS = 60_000;

    /** The budget is an estimate: builders that grow, and counts of objects. */
    private static final long MAX_ALLOCATED_BYTES = 4 * Limits.DEFAULT.allocatedBytes();

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /**
     * What rendering threw, null for nothing, in a thread with a small stack; fails where it took too long or too
     * much memory.
     */
    private static Throwable render(String source, Map<String, ?> variables) {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        long[] allocated = new long[1];
        long startNs = System.nanoTime();
        Thread thread = new Thread(
                null,
                () -> {
                    long before = THREADS.getCurrentThreadAllocatedBytes();
                    try {
                        new ChatTemplate(source).render(variables, Rendered.CLOCK);
                    } catch (Throwable e) {
                        thrown.set(e);
                    }
                    allocated[0] = THREADS.getCurrentThreadAllocatedBytes() - before;
                },
                "small stack",
                STACK_BYTES);
        thread.start();
        try {
            thread.join(MAX_MS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        String start = source.substring(0, Math.min(120, source.length()));
        assertTrue(!thread.isAlive(), () -> "still running after " + MAX_MS + " ms: " + start);
        assertTrue(allocated[0] < MAX_ALLOCATED_BYTES, () -> allocated[0] + " bytes allocated: " + start);
        assertTrue(System.nanoTime() - startNs < MAX_MS * 1_000_000, start);
        return thrown.get();
    }

    private static void assertBeyondLimits(String source) {
        Throwable thrown = render(source, Map.of());
        TemplateException e =
                assertInstanceOf(TemplateException.class, thrown, source.substring(0, Math.min(120, source.length())));
        assertEquals(Kind.BEYOND_LIMITS, e.kind(), e.getMessage());
    }

    /** Any end is right but an error of the machine. */
    private static void assertEnds(String source) {
        Throwable thrown = render(source, Map.of());
        if (thrown != null) {
            assertInstanceOf(TemplateException.class, thrown);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
                "{% for a in range(100000) %}{% for b in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}",
                "{% set l = range(100000) | list %}{% for i in range(100000) %}{{ l.index(99999) }}{% endfor %}",
                "{% set l = range(100000) | list %}{% for i in range(100000) %}{% set x = l | sort(reverse=true) %}{% endfor %}",
                "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{{ 'aaaaaaaaaaaaaaaaaaaaab' in s }}{% endfor %}",
                "{% set s = 'a' * 2000000 %}{% for i in range(100000) %}{{ ('a' * 100000 ~ 'b') in s }}{% endfor %}",
                "{% set s = 'ab' * 2000000 %}{% set q = 'b' * 1000000 ~ 'a' %}{% for i in range(100000) %}{{ s.strip(q) }}{% endfor %}",
                "{% set s = 'ß' * 4000000 %}{% for i in range(100000) %}{% set x = s | upper %}{% endfor %}",
                "{% set s = 'İΣ' * 2000000 %}{% for i in range(100000) %}{% set x = s | lower %}{% endfor %}",
                "{% set s = '😀' * 1000000 %}{% for i in range(100000) %}{{ s[i] }}{% endfor %}",
            })
    void loopsEnd(String source) {
        assertBeyondLimits(source);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'a' * 1000000000 }}",
                "{{ [1] * 1000000000 }}",
                "{{ range(1000000000) | list }}",
                "{{ range(-9223372036854775807, 9223372036854775807) }}",
                "{{ 'a'.ljust(1000000000) }}",
                "{{ 'a' | center(1000000000) }}",
                "{{ '1'.zfill(1000000000) }}",
                "{{ '\t'.expandtabs(1000000000) }}",
                "{{ 'a\nb' | indent(1000000000) }}",
                "{{ [1] | tojson(indent=1000000000) }}",
                "{{ '%1000000000d' % 1 }}",
                "{{ '%.1000000000f' % 1 }}",
                "{{ '%*d' % (1000000000, 1) }}",
                "{{ '%*s' % (-2147483646, 'x') }}",
                "{{ '%-*d' % (-2147483647, 1) }}",
                "{{ '%.*f' % (1000000000, 1) }}",
                "{{ '%.999999999f' % 1 }}",
                "{{ '%999999999%' % () }}",
                "{{ '{:1000000000}'.format(1) }}",
                "{{ '{:{}}'.format(1, 1000000000) }}",
                "{{ '{:.1000000000}'.format('a') }}",
                "{{ [1] | batch(1000000000, 0) | list }}",
                "{{ [1] | slice(1000000000) | list }}",
                "{{ 10 ** 1000000000 }}",
                "{% set s = 'a' * 1000000 %}{{ s.replace('', s) }}",
                "{% set s = 'a' * 1000000 %}{{ s.join(s) }}",
                "{% set s = 'a' * 1000000 %}{{ range(100000) | join(s) }}",
                "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s.replace('a', 'aa') %}{% endfor %}",
                "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
                "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
            })
    void valuesStaySmall(String source) {
        assertBeyondLimits(source);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% macro f(x=f()) %}{% endmacro %}{{ f() }}",
                "{% macro f(x) %}{% if 1 %}{% for y in [1] %}{{ 'a' + f([x]) | string }}{% endfor %}{% endif %}{% endmacro %}{{ f(1) }}",
                "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
                "{% macro f(x) %}{{ caller(x) }}{% endmacro %}{% macro g(x) %}{% call(y) f(x) %}{{ g(y) }}{% endcall %}{% endmacro %}{{ g(1) }}",
                "{% macro f() %}{% set x %}{{ f() }}{% endset %}{% endmacro %}{{ f() }}",
                "{% macro f() %}{% generation %}{% filter upper %}{{ f() }}{% endfilter %}{% endgeneration %}{% endmacro %}{{ f() }}",
                "{% macro f(x) %}{{ [1] | map('string') | select('equalto', f(1)) | list }}{% endmacro %}{{ f(1) }}",
                "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                "{% set ns = namespace(g=[1]) %}{% for i in range(10000) %}{% set ns.g = ns.g | map('string') %}{% endfor %}{{ ns.g | list }}",
                "{% set ns = namespace(l=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
                "{% set ns = namespace(l=[]) %}{% for i in range(50000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}{{ ns.l | tojson }}",
                "{% set ns = namespace(l=[], m=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
                "{% set ns = namespace(l=[1], m=[2]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l < ns.m }}",
                "{% set ns = namespace(l=(1,)) %}{% for i in range(50000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ ns.l in [(ns.l,)] }}",
            })
    void recursionEndsBeforeTheStackDoes(String source) {
        assertBeyondLimits(source);
    }

    @Test
    void deepSourcesEndBeforeTheStackDoes() {
        int[] depths = {Limits.DEFAULT.nesting() - 5, Limits.DEFAULT.nesting() + 5, Limits.DEFAULT.depth() - 5, 20_000};
        String[][] nests = {
            {"{{ ", "(", "1", ")", " }}"},
            {"{{ ", "[", "1", "]", " }}"},
            {"{{ ", "{'a':", "1", "}", " | tojson }}"},
            {"{{ ", "range(", "1", ")", " }}"},
            {"{{ ", "x[", "0", "]", " }}"},
            {"{{ ", "not ", "1", "", " }}"},
            {"{{ ", "-", "1", "", " }}"},
            {"{{ ", "0 if 0 else ", "1", "", " }}"},
            {"{{ 1", "", "", " + 1", " }}"},
            {"{{ 1", "", "", " and 1", " }}"},
            {"{{ x", "", "", ".a", " }}"},
            {"{{ x", "", "", "()", " }}"},
            {"{{ []", "", "", " | list", " }}"},
            {"", "{% if 1 %}", "x", "{% endif %}", ""},
            {"", "{% for x in [1] %}", "x", "{% endfor %}", ""},
            {"", "{% macro x() %}", "x", "{% endmacro %}", ""},
            {"", "{% set x %}", "x", "{% endset %}", ""},
            {"{% if 0 %}", "", "", "{% elif 0 %}", "{% endif %}"},
        };
        for (String[] nest : nests) {
            for (int depth : depths) {
                String source = nest[0] + nest[1].repeat(depth) + nest[2] + nest[3].repeat(depth) + nest[4];
                assertEnds(source.length() < Limits.DEFAULT.sourceCharacters() ? source : source.substring(0, 200_000));
            }
        }
    }

    @Test
    void longSourcesAreReadInTimeThatGrowsWithThem() {
        for (String part : List.of(
                "{{ x }}",
                "{% set a = 1 %}",
                "{#",
                "{",
                "{{",
                "{% raw %}",
                "{% if 1 %}",
                "'",
                "\\",
                "\n {% if x %}\n",
                "{%- ",
                "a|")) {
            assertEnds(part.repeat(200_000 / part.length()));
            assertEnds("{{ '" + part.repeat(200_000 / part.length()));
            assertEnds("{% raw %}" + part.repeat(200_000 / part.length()));
        }
        assertEnds("{{ f(" + "a,".repeat(100_000) + ") }}");
        assertBeyondLimits(" ".repeat(Limits.DEFAULT.sourceCharacters() + 1));
    }

    @Test
    void aNamespaceThatHoldsItselfIsPrintedAndCompared() {
        assertEquals(
                "<Namespace {'a': [<Namespace {...}>]}>True",
                Rendered.template("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}{{ [ns] == ns.a }}"));
    }

    @Test
    void messagesOfTwoTextsThatAreSlowToSearchAreSearchedFast() {
        String part = "a".repeat(500_000) + "b";
        Map<String, Object> variables = Map.of("text", "a".repeat(1_000_000), "part", part);
        assertEquals(
                null,
                render("{{ part in text }}{{ text.find(part) }}{{ text.replace(part, '') | length }}", variables));
    }

    @Test
    void messagesThatNestTooDeepAreRefused() {
        Object nested = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            nested = i % 2 == 0 ? new ArrayList<>(List.of(nested)) : new HashMap<>(Map.of("a", nested));
        }
        TemplateException e = assertInstanceOf(TemplateException.class, render("x", Map.of("messages", nested)));
        assertEquals(Kind.BEYOND_LIMITS, e.kind());
    }

    @Test
    void eachLimitSaysWhatItIsAndWhatToDo() {
        Limits few = new Limits(1000, 20, 50, 1000, 1000, 100_000, 100, Duration.ofSeconds(60));
        assertEquals(
                "The model's chat template, line 2, goes beyond its limits: it takes more than 1000 steps."
                        + " Shorten the conversation, or correct the template.",
                message("\n{% for i in range(100) %}{% for j in range(100) %}{% endfor %}{% endfor %}", few));
        assertEquals(
                "The model's chat template, line 1, goes beyond its limits: it makes more than 1000 characters."
                        + " Shorten the conversation, or correct the template.",
                message("{% for i in range(100) %}0123456789a{% endfor %}", few));
        assertEquals(
                "The model's chat template, line 1, goes beyond its limits: its values take more than 100000 bytes."
                        + " Shorten the conversation, or correct the template.",
                message("{{ 'a' * 100000 }}", few));
        assertEquals(
                "The model's chat template, line 1, goes beyond its limits: it nests deeper than 20 blocks and brackets."
                        + " Correct chat_template.jinja, or chat_template in tokenizer_config.json.",
                message("{{ " + "(".repeat(30), few));
        Limits noTime = new Limits(1000, 20, 50, 1_000_000, 1000, 1 << 30, 100, Duration.ofMillis(1));
        String slow =
                "{% for i in range(100) %}{% for j in range(100) %}{% for k in range(100) %}{% endfor %}{% endfor %}{% endfor %}";
        assertTrue(message(slow, noTime).contains("it takes more than 1 ms."));
    }

    private static String message(String source, Limits limits) {
        return assertThrows(
                        TemplateException.class,
                        () -> new ChatTemplate(source, limits).render(Map.of(), Rendered.CLOCK))
                .getMessage();
    }
}
