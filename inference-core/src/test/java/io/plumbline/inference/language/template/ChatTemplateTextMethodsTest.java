package io.plumbline.inference.language.template;

import static io.plumbline.inference.language.template.Rendered.assertPrints;
import static io.plumbline.inference.language.template.Rendered.assertRefuses;

import org.junit.jupiter.api.Test;

/** The methods of texts, lists and dicts. */
class ChatTemplateTextMethodsTest {
    @Test
    void stripTakesWhiteSpaceOrTheGivenCharacters() {
        assertPrints(
                "'  a \\n'.strip()", "a", "' a '.lstrip()", "a ", "' a '.rstrip()", " a", "'xyaxy'.strip('xy')", "a");
        assertPrints("'\\u3000a\\x1f'.strip()", "a", "'aa'.strip('a')", "", "' a'.strip(none)", "a");
        assertRefuses("{{ 'a'.strip(1) }}", "{{ 'a'.strip('a', 'b') }}");
    }

    @Test
    void splitCutsAtASeparatorOrAtWhiteSpace() {
        assertPrints(
                "'a,b,,c'.split(',')", "['a', 'b', '', 'c']", "' a  b '.split()", "['a', 'b']", "''.split()", "[]");
        assertPrints("' a  b '.split(' ')", "['', 'a', '', 'b', '']", "''.split(',')", "['']");
        assertRefuses("{{ 'a'.split('') }}");
    }

    @Test
    void splitStopsAtItsLimit() {
        assertPrints("'a,b,c'.split(',', 1)", "['a', 'b,c']", "'a,b,c'.rsplit(',', 1)", "['a,b', 'c']");
        assertPrints("'a b c '.split(none, 1)", "['a', 'b c ']", "' a b c'.rsplit(maxsplit=1)", "[' a b', 'c']");
        assertPrints("'<think>x</think>y'.split('</think>')[-1]", "y", "'a,b'.split(',', 0)", "['a,b']");
    }

    @Test
    void linesAndPartitionsAreCut() {
        assertPrints(
                "'a\\nb\\r\\nc\\n'.splitlines()",
                "['a', 'b', 'c']",
                "'a\\n\\nb'.splitlines(true)",
                "['a\\n', '\\n', 'b']");
        assertPrints("'a=b=c'.partition('=')", "('a', '=', 'b=c')", "'a=b=c'.rpartition('=')", "('a=b', '=', 'c')");
        assertPrints("'a'.partition('=')", "('a', '', '')", "'a'.rpartition('=')", "('', '', 'a')");
    }

    @Test
    void beginningsAndEndsAreTested() {
        assertPrints(
                "text.startswith('He')",
                "True",
                "text.endswith(('x', 'ld'))",
                "True",
                "text.startswith('W', 6)",
                "True");
        assertPrints(
                "text.startswith('')", "True", "'TestHook'.removeprefix('Test')", "Hook", "'a'.removesuffix('b')", "a");
        assertRefuses("{{ text.startswith(['H']) }}", "{{ text.startswith(1) }}");
    }

    @Test
    void placesAreFoundByCharacter() {
        assertPrints("text.find('o')", "4", "text.rfind('o')", "7", "text.find('q')", "-1", "wide.find('x')", "3");
        assertPrints("text.count('l')", "3", "text.count('')", "12", "text.find('o', 5)", "7", "text.index('W')", "6");
        assertRefuses("{{ text.index('q') }}");
    }

    @Test
    void partsAreReplaced() {
        assertPrints(
                "'aaa'.replace('a', 'b')",
                "bbb",
                "'aaa'.replace('a', 'b', 2)",
                "bba",
                "'ab'.replace('', '-')",
                "-a-b-");
        assertPrints("'abab'.replace('ab', 'c')", "cc", "'aaa'.replace('aa', 'b')", "ba");
        assertRefuses("{{ 'a'.replace('a') }}", "{{ 'a'.replace('a', 1) }}");
    }

    @Test
    void longPartsAreFoundAsShortOnesAre() {
        String part = "'" + "ab".repeat(30) + "c'";
        assertPrints("('x' ~ " + part + " ~ 'y' ~ " + part + ").find(" + part + ")", "1");
        assertPrints("('x' ~ " + part + " ~ 'y' ~ " + part + ").rfind(" + part + ")", "63");
        assertPrints("('ab' * 40 ~ " + part + ").count(" + part + ")", "1", part + " in 'ab' * 50", "False");
        assertPrints("('x' ~ " + part + " ~ 'y').replace(" + part + ", '-')", "x-y");
        assertPrints("('x' ~ " + part + " ~ 'y' ~ " + part + ").split(" + part + ")", "['x', 'y', '']");
        assertPrints("('x' ~ " + part + " ~ 'y').rsplit(" + part + ", 1)", "['x', 'y']");
    }

    @Test
    void caseFollowsUnicode() {
        assertPrints(
                "'ß'.upper()", "SS", "'ΑΣ ΑΣΑ'.lower()", "ας ασα", "'İ'.lower()", "i\u0307", "'ß'.capitalize()", "Ss");
        assertPrints(
                "'hELLO'.capitalize()",
                "Hello",
                "\"they're bill's\".title()",
                "They'Re Bill'S",
                "'aB'.swapcase()",
                "Ab");
        assertPrints("'ﬁ'.upper()", "FI", "'straße'.casefold()", "strasse", "'Ǆ'.title()", "ǅ");
    }

    @Test
    void kindsOfCharactersAreTested() {
        assertPrints(
                "'ab1'.isalnum()",
                "True",
                "'ab1'.isalpha()",
                "False",
                "'12'.isdigit()",
                "True",
                "''.isdigit()",
                "False");
        assertPrints(
                "' \\n'.isspace()",
                "True",
                "'Abc D'.istitle()",
                "True",
                "'A1'.isupper()",
                "True",
                "'é'.isascii()",
                "False");
    }

    @Test
    void textsArePadded() {
        assertPrints(
                "'ab'.center(5)",
                "  ab ",
                "'ab'.ljust(4, '*')",
                "ab**",
                "'ab'.rjust(4)",
                "  ab",
                "'-12'.zfill(5)",
                "-0012");
        assertPrints("'a\\tb'.expandtabs(4)", "a   b");
    }

    @Test
    void textsAreFormatted() {
        assertPrints(
                "'%s and %05.1f%%' % ('a', 3.14159)",
                "a and 003.1%", "'%(a)s' % dict", "x", "'%5d|%-5d|%x' % (42, 42, 255)", "   42|42   |ff");
        assertPrints("'{} {1}'.format('a', 'b') if false else '{0} {1} {0}'.format('a', 'b')", "a b a");
        assertPrints(
                "'{a}-{b:>4}'.format(a=1, b='x')",
                "1-   x",
                "'{:,.2f}'.format(1234567.891)",
                "1,234,567.89",
                "'{{}}'.format()",
                "{}");
        assertPrints("'{0[a]} {1.name}'.format(dict, people[0])", "x Bo", "'{!r:>5}'.format('a')", "  'a'");
        assertRefuses(
                "{{ '%d' % 'a' }}",
                "{{ '%s' % (1, 2) }}", "{{ '%s %s' % 1 }}", "{{ '{}'.format() }}", "{{ '{' .format() }}");
    }

    @Test
    void joinTakesTextsAlone() {
        assertPrints("', '.join(['a', 'b'])", "a, b", "'-'.join('abc')", "a-b-c", "','.join([])", "");
        assertRefuses("{{ ','.join([1]) }}");
    }

    @Test
    void dictsAndListsHaveTheirMethods() {
        assertPrints(
                "dict.get('a')",
                "x",
                "dict.get('q')",
                "None",
                "dict.get('q', 5)",
                "5",
                "dict.keys() | list",
                "['b', 'a']");
        assertPrints(
                "dict.values() | list",
                "[1, 'x']",
                "list.index(1)",
                "1",
                "list.count(3)",
                "1",
                "dict.copy() == dict",
                "True");
        assertRefuses(
                "{{ dict.get() }}", "{{ dict.get('a', default=1) }}", "{{ list.index(99) }}", "{{ text.nothing() }}");
    }
}
