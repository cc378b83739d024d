package io.plumbline.inference.language.template;

import static io.plumbline.inference.language.template.Rendered.assertPrints;
import static io.plumbline.inference.language.template.Rendered.assertRefuses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Filters and tests. */
class ChatTemplateFiltersTest {
    @Test
    void tojsonWritesWhatJsonDumpsWrites() {
        assertPrints(
                "dict | tojson", "{\"b\": 1, \"a\": \"x\"}", "[1, 2.0, none, true] | tojson", "[1, 2.0, null, true]");
        assertPrints(
                "'<b> & \\'é😀\\n\\x01\\\"' | tojson",
                "\"<b> & 'é😀\\n\\u0001\\\"\"",
                "(1e308 * 10) | tojson",
                "Infinity");
        assertPrints("{1: 2, none: 3, true: 4, 1.5: 5} | tojson", "{\"1\": 4, \"null\": 3, \"1.5\": 5}");
    }

    @Test
    void tojsonTakesTheArgumentsOfJsonDumps() {
        assertPrints(
                "dict | tojson(indent=2)",
                "{\n  \"b\": 1,\n  \"a\": \"x\"\n}",
                "[[], {}] | tojson(indent=1)",
                "[\n [],\n {}\n]");
        assertPrints(
                "dict | tojson(sort_keys=true)",
                "{\"a\": \"x\", \"b\": 1}",
                "dict | tojson(separators=(',', ':'))",
                "{\"b\":1,\"a\":\"x\"}");
        assertPrints(
                "'é😀' | tojson(ensure_ascii=true)",
                "\"\\u00e9\\ud83d\\ude00\"",
                "[1] | tojson(indent='\\t')",
                "[\n\t1\n]");
        assertPrints("dict | tojson(indent=4, separators=(', ', ' = '))", "{\n    \"b\" = 1, \n    \"a\" = \"x\"\n}");
    }

    @Test
    void tojsonRefusesWhatJsonCannotSay() {
        assertRefuses(
                "{{ nothing | tojson }}",
                "{{ dict.items() | tojson }}",
                "{{ {(1, 2): 3} | tojson }}",
                "{{ list | map('string') | tojson }}");
    }

    @Test
    void sequencesAreSelectedFrom() {
        assertPrints("people | selectattr('admin') | map(attribute='name') | list", "['Bo']");
        assertPrints("people | selectattr('admin', 'defined') | list | length", "2");
        assertPrints("people | rejectattr('age', 'equalto', 30) | map(attribute='name') | join(', ')", "al");
        assertPrints(
                "list | select('odd') | list",
                "[3, 1]",
                "list | reject('>', 1) | list",
                "[1]",
                "[0, 1, ''] | select | list",
                "[1]");
        assertPrints(
                "list | map('string') | list", "['3', '1', '2']", "['a', 'b'] | map('replace', 'a', 'x') | join", "xb");
        assertPrints(
                "people | map(attribute='admin', default='?') | list",
                "[True, '?', False]",
                "none | map('upper') | list",
                "[]");
    }

    @Test
    void generatorsGiveTheirValuesOnce() {
        assertEquals("312|", Rendered.template("{% set g = list | map('string') %}{{ g | join }}|{{ g | join }}"));
        assertPrints("'yes' if [] | select else 'no'", "yes");
        assertRefuses("{{ list | select | length }}", "{{ list | select | last }}");
    }

    @Test
    void sequencesAreOrdered() {
        assertPrints(
                "list | sort",
                "[1, 2, 3]",
                "list | sort(reverse=true)",
                "[3, 2, 1]",
                "['b', 'A', 'c'] | sort",
                "['A', 'b', 'c']");
        assertPrints(
                "['b', 'A'] | sort(case_sensitive=true)",
                "['A', 'b']",
                "people | sort(attribute='age,name') | map(attribute='name') | list",
                "['al', 'Bo', 'Cy']");
        assertPrints(
                "dict | dictsort",
                "[('a', 'x'), ('b', 1)]",
                "{'B': 2, 'a': 1} | dictsort(by='value')",
                "[('a', 1), ('B', 2)]");
        assertPrints(
                "list | reverse | list",
                "[2, 1, 3]",
                "text | reverse",
                "dlroW olleH",
                "['a', 'A', 'b'] | unique | list",
                "['a', 'b']");
        assertPrints("list | min", "1", "list | max", "3", "[] | min is defined", "False", "['b', 'A'] | min", "A");
        assertPrints(
                "people | groupby('age') | map('first') | list",
                "[25, 30]",
                "(people | groupby('age') | first).list[0].name",
                "al");
        assertRefuses("{{ [1, 'a'] | sort }}", "{{ [1, none] | max }}");
    }

    @Test
    void sequencesAreTakenApartAndPutTogether() {
        assertPrints(
                "list | first",
                "3",
                "list | last",
                "2",
                "[] | first is defined",
                "False",
                "text | first",
                "H",
                "list | join(', ')",
                "3, 1, 2");
        assertPrints(
                "people | join('/', attribute='name')",
                "Bo/al/Cy",
                "'abc' | list",
                "['a', 'b', 'c']",
                "dict | items | list",
                "[('b', 1), ('a', 'x')]");
        assertPrints(
                "list | batch(2) | list",
                "[[3, 1], [2]]",
                "list | batch(2, 0) | list",
                "[[3, 1], [2, 0]]",
                "list | slice(2) | list",
                "[[3, 1], [2]]");
        assertPrints(
                "list | sum",
                "6",
                "people | sum(attribute='age')",
                "85",
                "text | length",
                "11",
                "nothing | length",
                "0",
                "dict | count",
                "2");
        assertRefuses("{{ 5 | length }}", "{{ 5 | join }}", "{{ none | first }}");
    }

    @Test
    void defaultsStandForWhatIsNotThere() {
        assertPrints(
                "nothing | default('d')",
                "d",
                "'' | default('d')",
                "",
                "'' | default('d', true)",
                "d",
                "none | default('d')",
                "None");
        assertPrints("none | d('d', boolean=true)", "d", "nothing | default", "", "0 | default(1)", "0");
    }

    @Test
    void valuesAreConverted() {
        assertPrints(
                "'42' | int",
                "42",
                "'42.7' | int",
                "42",
                "'x' | int",
                "0",
                "'x' | int(5)",
                "5",
                "3.99 | int",
                "3",
                "'1f' | int(base=16)",
                "31");
        assertPrints(
                "'1.5' | float",
                "1.5",
                "'x' | float",
                "0.0",
                "none | int",
                "0",
                "true | int",
                "1",
                "7 | string | length",
                "1",
                "' 1_0 ' | int",
                "10");
        assertPrints(
                "2.5 | round",
                "2.0",
                "3.5 | round",
                "4.0",
                "2.675 | round(2)",
                "2.67",
                "42 | round",
                "42",
                "42.55 | round(1, 'floor')",
                "42.5",
                "-7 | abs",
                "7");
        assertRefuses("{{ nothing | int }}", "{{ 'a' | abs }}", "{{ 'a' | round }}");
    }

    @Test
    void textsAreChanged() {
        assertPrints(
                "' a ' | trim",
                "a",
                "none | trim",
                "None",
                "text | upper",
                "HELLO WORLD",
                "\"they're a-b (c)\" | title",
                "They're A-B (C)");
        assertPrints(
                "123 | replace(2, 'x')", "1x3", "'aaa' | replace('a', 'b', 1)", "baa", "'hELLO' | capitalize", "Hello");
        assertPrints(
                "'a\\n\\nb' | indent(2)",
                "a\n\n  b",
                "'a\\nb' | indent(2, true)",
                "  a\n  b",
                "'a\\n\\nb' | indent(1, blank=true)",
                "a\n \n b",
                "'a\\nb' | indent('> ')",
                "a\n> b");
        assertPrints(
                "'foo bar baz qux' | truncate(9)",
                "foo...",
                "'foo bar baz' | truncate(9)",
                "foo bar baz",
                "'%s!' | format('a')",
                "a!",
                "'a b-c' | wordcount",
                "3");
    }

    @Test
    void htmlIsEscapedOnlyWhereATemplateAsks() {
        assertPrints(
                "'<b>&' ",
                "<b>&",
                "'<b>&' | e",
                "&lt;b&gt;&amp;",
                "('<b>' | safe) + '<i>'",
                "<b>&lt;i&gt;",
                "'<b>' | safe ~ '<i>'",
                "<b><i>");
    }

    @Test
    void testsTellValuesApart() {
        assertPrints(
                "text is string",
                "True",
                "number is number",
                "True",
                "true is integer",
                "False",
                "half is float",
                "True",
                "true is boolean",
                "True");
        assertPrints(
                "dict is mapping",
                "True",
                "list is mapping",
                "False",
                "text is iterable",
                "True",
                "none is iterable",
                "False",
                "dict is sequence",
                "True");
        assertPrints(
                "none is none",
                "True",
                "nothing is none",
                "False",
                "0 is false",
                "False",
                "1 is true",
                "False",
                "7 is odd",
                "True",
                "6 is divisibleby 3",
                "True");
        assertPrints(
                "1 is in [1]",
                "True",
                "2 is gt 1",
                "True",
                "'abc' is lower",
                "True",
                "'upper' is filter",
                "True",
                "range is callable",
                "True",
                "none is sameas none",
                "True");
    }

    @Test
    void unknownFiltersAreRefusedAtOnceUnlessACondition() {
        assertRefuses("{{ 1 | nosuch }}", "{{ 1 is nosuch }}", "{% if true %}{{ 1 | nosuch }}{% endif %}");
        assertEquals("ok", Rendered.template("{% if 'nosuch' is filter %}{{ 1 | nosuch }}{% endif %}ok"));
    }

    @Test
    void aDayIsWrittenAsStrftimeWritesIt() {
        assertPrints(
                "strftime_now('%d %B %Y')",
                "02 January 2026", "strftime_now('%Y-%m-%d %H:%M:%S')", "2026-01-02 03:04:05");
        assertPrints("strftime_now('%a %A %b %-d %e %y %j %I %p %u %w')", "Fri Friday Jan 2  2 26 002 03 AM 5 5");
        assertPrints(
                "strftime_now('%F %T %D %R %% %U %W %V %G %q')",
                "2026-01-02 03:04:05 01/02/26 03:04 % 00 00 01 2026 %q");
        assertRefuses("{{ strftime_now() }}", "{{ strftime_now(1) }}");
    }

    @Test
    void aTemplateThatAsksForTheDayIsKnown() {
        assertEquals(true, new ChatTemplate("{% if false %}{{ strftime_now('%Y') }}{% endif %}").usesClock());
        assertEquals(false, new ChatTemplate("{{ 'strftime_now' }} strftime_now").usesClock());
    }

    @Test
    void functionsOfEveryTemplateAreThere() {
        assertPrints(
                "range(3) | list",
                "[0, 1, 2]",
                "range(5, 0, -2) | list",
                "[5, 3, 1]",
                "range(10)[2:5] | list",
                "[2, 3, 4]");
        assertEquals("{'a': 1, 'b': 2}", Rendered.template("{{ dict({'a': 1}, b=2) }}", Map.of()));
        assertEquals(
                "a, b, c", Rendered.template("{% set j = joiner() %}{% for x in 'abc' %}{{ j() }}{{ x }}{% endfor %}"));
        assertEquals(
                "aba", Rendered.template("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}"));
    }

    @Test
    void raiseExceptionRefusesInTheTemplatesWords() {
        TemplateException e =
                Rendered.refusal("a\n{% if true %}\n{{ raise_exception('Roles must alternate!') }}{% endif %}");
        assertEquals(TemplateException.Kind.REFUSED, e.kind());
        assertEquals("The model's chat template refuses these messages: Roles must alternate!", e.getMessage());
    }

    @Test
    void absentToolsAndDocumentsAreNone() {
        String template =
                "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token is defined }}";
        assertEquals("TrueTrueFalseFalse", Rendered.template(template, Map.of()));
    }
}
