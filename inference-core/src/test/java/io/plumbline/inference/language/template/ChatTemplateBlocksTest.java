package io.plumbline.inference.language.template;

import static io.plumbline.inference.language.template.Rendered.assertRefuses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Loops, scopes, macros and the other blocks. */
class ChatTemplateBlocksTest {
    private static void assertRenders(String expected, String template) {
        assertEquals(expected, Rendered.template(template), template);
    }

    @Test
    void aLoopKnowsWhereItStands() {
        assertRenders(
                "1/3F 2/3 3/3L ",
                "{% for x in list %}{{ loop.index }}/{{ loop.length }}{{ 'F' if loop.first }}{{ 'L' if loop.last }} {% endfor %}");
        assertRenders(
                "032 121 210 ",
                "{% for x in list %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}");
        assertRenders("[|1][3|2][1|]", "{% for x in list %}[{{ loop.previtem }}|{{ loop.nextitem }}]{% endfor %}");
        assertRenders("aba", "{% for x in list %}{{ loop.cycle('a', 'b') }}{% endfor %}");
        assertRenders("TrueFalseTrue", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}");
        assertRefuses("{% for x in list %}{{ loop.previtem.x }}{% endfor %}", "{{ loop.index }}");
    }

    @Test
    void aFilteredLoopCountsWhatItLetsThrough() {
        assertRenders(
                "1/2:3 2/2:1 ",
                "{% for x in list if x is odd %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}");
        assertRenders("none", "{% for x in list if x > 9 %}{{ x }}{% else %}none{% endfor %}");
    }

    @Test
    void aFilterIsAskedAsTheLoopGoes() {
        assertRenders(
                "12",
                "{% set ns = namespace(n=0) %}{% for a in [1, 2, 3] if ns.n < 2 %}{% set ns.n = ns.n + 1 %}{{ a }}{% endfor %}");
    }

    @Test
    void breakAndContinueEndLoopsAndTurns() {
        assertRenders(
                "13",
                "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}");
        assertRefuses(
                "{% break %}",
                "{% for x in list %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
                "{% for x in [] %}{% else %}{% continue %}{% endfor %}");
    }

    @Test
    void elseRunsWhereNoTurnReachedItsEnd() {
        assertRenders("none", "{% for x in [] %}{{ x }}{% else %}none{% endfor %}");
        assertRenders("none", "{% for x in [1] %}{% break %}{% else %}none{% endfor %}");
        assertRenders(
                "1", "{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}none{% endfor %}");
    }

    @Test
    void itemsAreTakenApart() {
        assertRenders("b=1;a=x;", "{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}");
        assertRenders("123", "{% for (a, b), c in [[[1, 2], 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}");
        assertRenders("12", "{% set a, b = 1, 2 %}{{ a }}{{ b }}");
        assertRefuses(
                "{% for a, b in [[1]] %}{% endfor %}",
                "{% for a, b in [[1, 2, 3]] %}{% endfor %}", "{% set a, b = 5 %}");
    }

    @Test
    void textsDictsAndRangesAreGoneThrough() {
        assertRenders("é.日.😀.x.", "{% for c in wide %}{{ c }}.{% endfor %}");
        assertRenders("ba", "{% for k in dict %}{{ k }}{% endfor %}");
        assertRenders("012", "{% for i in range(3) %}{{ i }}{% endfor %}");
        assertRenders("", "{% for x in nothing %}{{ x }}{% endfor %}");
        assertRefuses("{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}");
    }

    @Test
    void aRecursiveLoopGoesDown() {
        String tree = "[{'v': 1, 'c': [{'v': 2, 'c': []}]}, {'v': 3, 'c': []}]";
        assertRenders(
                "1:1(2:2())1:3()",
                "{% for x in " + tree + " recursive %}{{ loop.depth }}:{{ x.v }}({{ loop(x.c) }}){% endfor %}");
        assertRefuses("{% for x in list %}{{ loop(list) }}{% endfor %}");
    }

    @Test
    void assignmentsInLoopsEndWithTheTurn() {
        assertRenders("231", "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}");
        assertRenders("False", "{% for i in [1] %}{% set y = 1 %}{% endfor %}{{ y is defined }}");
    }

    @Test
    void aNamespaceCarriesValuesOutOfLoops() {
        assertRenders(
                "4",
                "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}");
        assertRenders("<Namespace {'a': 1}>", "{% set ns = namespace({'a': 1}) %}{{ ns }}");
        assertRefuses("{% set dict.a = 1 %}", "{% set nothing.a = 1 %}", "{% set dict['a'] = 1 %}");
    }

    @Test
    void conditionsHaveNoScopeOfTheirOwn() {
        assertRenders("2", "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}");
        assertRenders("7", "{% if false %}{% set number = 1 %}{% endif %}{{ number }}");
    }

    @Test
    void aNameBelongsToTheBlockThatAssignsItAnywhere() {
        // The macro sees the template's own name, which has no value yet, and not the variable of that name.
        assertRenders("|1", "{% macro f() %}{{ number }}{% endmacro %}{{ f() }}|{% set number = 1 %}{{ f() }}");
        assertRenders("6", "{% set x = 5 %}{% macro f() %}{{ x }}{% endmacro %}{% set x = 6 %}{{ f() }}");
    }

    @Test
    void aLoopVariableEndsWithItsLoop() {
        assertRenders("019", "{% set i = 9 %}{% for i in range(2) %}{{ i }}{% endfor %}{{ i }}");
        assertRefuses("{% for loop in list %}{% endfor %}", "{% for x in list %}{% set loop = 1 %}{% endfor %}");
    }

    @Test
    void macrosTakeArgumentsByPlaceAndByName() {
        String macro = "{% macro m(a, b='x', c=none) %}[{{ a }}|{{ b }}|{{ c }}]{% endmacro %}";
        assertRenders(
                "[1|x|None][1|2|None][1|x|3][|x|None]", macro + "{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m() }}");
        assertRenders("11", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}");
        assertRefuses(
                macro + "{{ m(1, 2, 3, 4) }}",
                macro + "{{ m(d=1) }}",
                "{% macro m(a=1, b) %}{% endmacro %}",
                "{% macro m(a, a) %}{% endmacro %}");
    }

    @Test
    void macrosCatchWhatIsLeftWhereTheyReadIt() {
        assertRenders(
                "1(2, 3){'z': 4}",
                "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, z=4) }}");
    }

    @Test
    void macrosCallThemselvesAndEachOther() {
        assertRenders(
                "3628800",
                "{% macro f(n) %}{% if n <= 1 %}1{% else %}{{ n * f(n - 1) | int }}{% endif %}{% endmacro %}{{ f(10) }}");
        assertRenders("B", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}");
    }

    @Test
    void aCallBlockGivesAMacroItsBody() {
        assertRenders(
                "<body7>", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body{{ number }}{% endcall %}");
        assertRenders(
                "1-2",
                "{% macro m(x) %}{{ caller(x, 2) }}{% endmacro %}{% call(a, b) m(1) %}{{ a }}-{{ b }}{% endcall %}");
        assertRefuses("{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% call number %}x{% endcall %}");
    }

    @Test
    void blocksOfTextAreCapturedAndFiltered() {
        assertRenders("a7b3", "{% set x %}a{{ number }}b{% endset %}{{ x }}{{ x | length }}");
        assertRenders("ZB", "{% set x | upper | replace('A', 'Z') %}ab{% endset %}{{ x }}");
        assertRenders("XC", "{% filter upper | replace('AB', 'X') %}abc{% endfilter %}");
        assertRenders("1|False", "{% with a = 1 %}{{ a }}{% endwith %}|{{ a is defined }}");
    }

    @Test
    void aGenerationBlockRendersItsBody() {
        assertRenders("a1|False", "{% generation %}a{% set q = 1 %}{{ q }}{% endgeneration %}|{{ q is defined }}");
    }

    @Test
    void blocksThatAreNotClosedAreRefused() {
        assertRefuses(
                "{% if true %}",
                "{% for x in y %}",
                "{% if true %}{% endfor %}",
                "{% endif %}",
                "{{ x",
                "{# x",
                "{% raw %}x",
                "{% set x %}");
    }

    @Test
    void otherTemplatesAreOutOfReach() {
        assertRefuses(
                "{% include 'x' %}",
                "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% do 1 %}", "{% unknown %}");
    }

    @Test
    void errorsSayWhereTheyAre() {
        assertEquals(
                "The model's chat template, line 3, cannot be rendered with these messages: 'nothing' is undefined."
                        + " Check roles and contents, or correct the template.",
                Rendered.refusal("a\n{% if true %}\n{{ nothing.x }}\n{% endif %}")
                        .getMessage());
        assertEquals(
                "The model's chat template, line 2, cannot be read: there is no tag 'endfoo', or none that is open here."
                        + " Correct chat_template.jinja, or chat_template in tokenizer_config.json.",
                Rendered.refusal("{% for x in list %}\n{% endfoo %}").getMessage());
    }

    @Test
    void whatUsersWriteIsNeverATemplate() {
        String template =
                "{% for m in messages %}{{ m.content }}{{ [m.content] }}{{ m.content | tojson }}{{ '%s' % m.content }}{% endfor %}";
        for (String text : List.of(
                "{{ 7*7 }}", "{% if x %}", "{# no #}", "{% include '/etc/passwd' %}", "\\frac{{a}}{{b}}", "%s {0}")) {
            String json = "\"" + text.replace("\\", "\\\\") + "\"";
            String repr = text.contains("'") ? json : "'" + text.replace("\\", "\\\\") + "'";
            Map<String, Object> variables = Map.of("messages", List.of(Map.of("role", "user", "content", text)));
            assertEquals(text + "[" + repr + "]" + json + text, Rendered.template(template, variables));
        }
    }

    @Test
    void oneTemplateIsRenderedByManyThreads() {
        ChatTemplate template = new ChatTemplate(
                "{% set ns = namespace(n=0) %}{% for i in range(1000) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}");
        List<String> all = IntStream.range(0, 200)
                .parallel()
                .mapToObj(i -> template.render(Map.of(), Rendered.CLOCK))
                .distinct()
                .toList();
        assertEquals(List.of("499500"), all);
    }
}
