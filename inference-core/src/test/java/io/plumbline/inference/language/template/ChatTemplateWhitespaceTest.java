package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** White space around tags, as {@code trim_blocks} and {@code lstrip_blocks} leave it. */
class ChatTemplateWhitespaceTest {
    private static void assertRenders(String expected, String template) {
        assertEquals(expected, Rendered.template(template), template);
    }

    @Test
    void aBlockTakesTheLineBreakAfterIt() {
        assertRenders("a\nb", "{% if true %}\na\n{% endif %}\nb");
        assertRenders("\na", "{% if true %}\n\na{% endif %}");
        assertRenders(" \na", "{% if true %} \na{% endif %}");
    }

    @Test
    void aPrintLeavesTheLineBreakAfterIt() {
        assertRenders("7\nb", "{{ number }}\nb");
    }

    @Test
    void aBlockAloneOnItsLineTakesItsIndent() {
        assertRenders("a\n  x\nb", "a\n  {% if true %}\n  x\n  {% endif %}\nb");
        assertRenders("x", "\t {% if true %}x{% endif %}");
        assertRenders("a {b} c", "a {% if true %}{b}{% endif %} c");
    }

    @Test
    void aBlockAfterAnotherOnesLineBreakTakesItsIndentToo() {
        assertRenders("one\n", "{% for i in [1] %}\n    {% if true %}\none\n    {% endif %}\n{% endfor %}");
        assertRenders("  a", "{% if true %}  {% if true %}a{% endif %}{% endif %}");
    }

    @Test
    void aPrintLeavesTheIndentBeforeIt() {
        assertRenders("  7", "  {{ number }}");
    }

    @Test
    void aMinusTakesAllWhiteSpaceOnItsSide() {
        assertRenders("a7b", "a \n\t {{- number -}} \n\n b");
        assertRenders("abc", "a \n {%- if true -%} \n b \n {%- endif -%} \n c");
        assertRenders("ab", "a \u00a0\u2003{#- gone -#}\u3000 b");
    }

    @Test
    void aPlusKeepsWhatTheBlockWouldTake() {
        assertRenders("  a\n", "  {%+ if true %}a{% endif +%}\n\n");
        assertRenders("  x", "  {%+ if true %}x{% endif %}");
        assertRenders("\nx", "{% if true +%}\nx{% endif %}");
        assertRenders("7", "{{+ number }}");
    }

    @Test
    void aCommentIsTrimmedLikeABlock() {
        assertRenders("a\nb", "a\n  {# gone #}\nb");
        assertRenders("a  b", "a {# gone #} b");
        assertRenders("x", "{# {{ text }} {% if %} #}x");
    }

    @Test
    void oneLineBreakAtTheEndOfTheSourceDoesNotCount() {
        assertRenders("a", "a\n");
        assertRenders("a\n", "a\n\n");
        assertRenders("7", "{{ number }}\n");
        assertRenders("7", "{{ number }}\r\n");
        assertRenders("", "\n");
    }

    @Test
    void lineBreaksOfAllSystemsAreOne() {
        assertRenders("a\nb\nc", "a\r\nb\rc");
        assertRenders("x", "{% if true %}\r\nx{% endif %}");
    }

    @Test
    void aRawBlockIsText() {
        assertRenders("{{ x }}{% if %}", "{% raw %}{{ x }}{% if %}{% endraw %}");
        assertRenders("a{{ x }}b", "a {%- raw -%} {{ x }} {%- endraw -%} b");
        assertRenders("\nx\ny", "{% raw %}\nx\n  {% endraw %}\ny");
    }

    @Test
    void bracesThatOpenNothingAreText() {
        assertRenders("{ { x } } %} }} {", "{ { x } } %} }} {");
    }

    @Test
    void endsOfTagsWithinStringsAndBracketsEndNothing() {
        assertRenders("}}%}", "{{ '}}' }}{{ '%}' }}");
        assertRenders("1", "{{ {'a': {'b': 1}}['a']['b'] }}");
        assertRenders("{'a': {'b': 1}}", "{{ {'a': {'b': 1}}}}");
    }
}
