package io.plumbline.inference.language.template;

import static io.plumbline.inference.language.template.Rendered.assertPrints;
import static io.plumbline.inference.language.template.Rendered.assertRefuses;

import org.junit.jupiter.api.Test;

/** Literals, operators and their precedences, attributes and items, as Jinja2 and Python have them. */
class ChatTemplateExpressionTest {
    @Test
    void numbersPrintAsPythonPrintsThem() {
        assertPrints("7 / 2", "3.5", "8 / 2", "4.0", "1e16", "1e+16", "1e15", "1000000000000000.0", "0.0001", "0.0001");
        assertPrints("0.00001", "1e-05", "1e22", "1e+22", "0.1 + 0.2", "0.30000000000000004", "-0.0", "-0.0");
        assertPrints(
                "5e-324",
                "5e-324",
                "1e308 * 10",
                "inf",
                "100 * 1.0",
                "100.0",
                "123456789012345680.0",
                "1.2345678901234568e+17");
    }

    @Test
    void numbersAreReadInAllTheirForms() {
        assertPrints("1_000", "1000", "0x1f", "31", "0b101", "5", "0o17", "15", "2E-2", "0.02", "1_0.5", "10.5");
        assertRefuses("{{ 007 }}", "{{ 1__0 }}", "{{ 99999999999999999999 }}");
    }

    @Test
    void wholeNumbersDivideTowardsTheLowerOne() {
        assertPrints("7 // 2", "3", "-7 // 2", "-4", "7 % 3", "1", "-7 % 3", "2", "7 % -3", "-2");
        assertPrints("7.5 // 2", "3.0", "-7.5 % 2", "0.5", "-7.5 // 2", "-4.0");
        assertRefuses("{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 / 0 }}");
    }

    @Test
    void wholeNumbersBeyond64BitsAreRefused() {
        assertPrints("2 ** 62", "4611686018427387904", "(-2) ** 3", "-8", "2 ** -1", "0.5", "2 ** 3 ** 2", "64");
        assertRefuses("{{ 2 ** 63 }}", "{{ 9223372036854775807 + 1 }}", "{{ 9223372036854775807 * 2 }}");
    }

    @Test
    void trueCountsAsOne() {
        assertPrints("true + true", "2", "true == 1", "True", "-true", "-1", "1 == 1.0", "True", "'1' == 1", "False");
    }

    @Test
    void notBindsWeakerThanTestsAndComparisons() {
        assertPrints("not nothing is defined", "True", "not text is defined", "False", "not 1 == 2", "True");
        assertPrints("text is not defined", "False", "not text is string and true", "False");
    }

    @Test
    void filtersBindStrongerThanOperatorsAndSigns() {
        assertPrints("'a' + 'b' | upper", "aB", "-number | abs", "7", "1 + list | length", "4");
    }

    @Test
    void aTildeBindsStrongerThanAPlus() {
        assertPrints("'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1] ~ nothing", "a1NoneTrue1.5[1]");
        assertPrints("'x' + 'a' ~ 1", "xa1");
        assertRefuses("{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ 1 ~ 2 + 3 }}");
    }

    @Test
    void comparisonsChain() {
        assertPrints("1 < 2 < 3", "True", "1 < 3 < 2", "False", "1 < 2 > 1 == 1", "True", "1 < 2 == true", "False");
        assertPrints(
                "'a' < 'b'", "True", "[1, 2] < [1, 3]", "True", "'é' < '日' < '😀'", "True", "'\uff5e' < '😀'", "True");
        assertRefuses("{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ nothing < 1 }}");
    }

    @Test
    void andAndOrGiveOneOfTheirOperands() {
        assertPrints(
                "'' or 'x'", "x", "1 and 'y'", "y", "1 and 0 or 2", "2", "none and 1", "None", "[] or {} or 0", "0");
    }

    @Test
    void emptyValuesCountAsFalse() {
        for (String empty : new String[] {"''", "[]", "{}", "()", "0", "0.0", "none", "false", "nothing", "range(0)"}) {
            assertPrints("'yes' if " + empty + " else 'no'", "no");
        }
    }

    @Test
    void inLooksIntoTextsListsAndKeys() {
        assertPrints("'World' in text", "True", "3 in list", "True", "'a' in dict", "True", "'x' in dict", "False");
        assertPrints("'q' not in text", "True", "not 3 in list", "False", "'' in text", "True", "1.0 in list", "True");
        assertRefuses("{{ 1 in text }}", "{{ 1 in 5 }}", "{{ nothing in text }}");
        assertPrints("1 in nothing", "False");
    }

    @Test
    void anInlineIfMayLackItsElse() {
        assertPrints("'a' if false", "", "'a' if true", "a", "1 if false else 2 if false else 3", "3");
        assertPrints("('a' if false) is defined", "False");
    }

    @Test
    void textsRepeatAndListsJoin() {
        assertPrints(
                "'ab' * 3",
                "ababab",
                "3 * 'ab'",
                "ababab",
                "'a' * -1",
                "",
                "[1] + [2]",
                "[1, 2]",
                "[0] * 3",
                "[0, 0, 0]");
        assertRefuses("{{ [1] + (2,) }}", "{{ 'a' * 2.0 }}", "{{ 'a' - 'b' }}");
    }

    @Test
    void textsAreIndexedAndSlicedByCharacter() {
        assertPrints("wide[0]", "é", "wide[2]", "😀", "wide[-1]", "x", "wide | length", "4", "wide[::-1]", "x😀日é");
        assertPrints(
                "text[0:5]",
                "Hello",
                "text[:-3]",
                "Hello Wo",
                "text[-100:3]",
                "Hel",
                "text[8:0:-3]",
                "r l",
                "wide[1:3]",
                "日😀");
        assertPrints("text[99]", "", "text[99] is defined", "False");
        assertRefuses("{{ text[::0] }}", "{{ text['a':] }}");
    }

    @Test
    void listsAreIndexedAndSliced() {
        assertPrints(
                "list[0]", "3", "list[-1]", "2", "list[1:]", "[1, 2]", "list[::-1]", "[2, 1, 3]", "list[true]", "1");
        assertPrints(
                "list[9] is defined",
                "False",
                "list['0'] is defined",
                "False",
                "people.1.name",
                "al",
                "people[0].name",
                "Bo");
        assertRefuses("{{ none[1:] }}", "{{ dict[1:] }}");
    }

    @Test
    void attributesFallBackOnItemsAndItemsOnAttributes() {
        assertPrints("dict.a", "x", "dict['a']", "x", "dict.zz is defined", "False", "dict['get']('a')", "x");
        assertPrints(
                "{'items': 5}.items is callable",
                "True",
                "{'items': 5}['items']",
                "5",
                "text['upper']()",
                "HELLO WORLD");
    }

    @Test
    void attributesOfWhatIsNotThereAreErrors() {
        assertPrints("nothing", "", "none.x", "", "none.x is defined", "False", "dict.zz", "");
        assertRefuses(
                "{{ nothing.x }}", "{{ nothing['x'] }}", "{{ none.x.y }}", "{{ nothing() }}", "{{ nothing + 'a' }}");
        assertRefuses("{{ nothing[1:] }}", "{{ -nothing }}", "{{ dict.zz.y }}");
    }

    @Test
    void namesThatLeadToTheMachineAreHidden() {
        assertPrints("text.__class__ is defined", "False", "text['__class__'] is defined", "False");
        assertRefuses(
                "{{ text.__class__.__mro__ }}", "{{ dict.update({}) }}", "{{ list.append(1) }}", "{{ list.pop() }}");
    }

    @Test
    void listsAndDictsPrintAsPythonPrintsThem() {
        assertPrints("[1, 'a', none, true, 2.5, (1,), ()]", "[1, 'a', None, True, 2.5, (1,), ()]");
        assertPrints("{'a': [1], 1: none}", "{'a': [1], 1: None}", "dict", "{'b': 1, 'a': 'x'}");
        assertPrints("[\"it's\", 'say \"x\"', 'both \\' and \"']", "[\"it's\", 'say \"x\"', 'both \\' and \"']");
        assertPrints("['\\n\\t\\\\\\x00\\x7f\\xa0é😀\\u200b']", "['\\n\\t\\\\\\x00\\x7f\\xa0é😀\\u200b']");
        assertPrints(
                "dict.items()",
                "dict_items([('b', 1), ('a', 'x')])",
                "range(1, 4)",
                "range(1, 4)",
                "[nothing]",
                "[Undefined]");
    }

    @Test
    void equalKeysAreOne() {
        assertPrints("{1: 'a', true: 'b', 1.0: 'c'}", "{1: 'c'}", "{(1, 2): 3}[(1, 2)]", "3");
        assertRefuses("{{ {[1]: 2} }}", "{{ {{}: 2} }}");
    }

    @Test
    void valuesWithoutATextThatStaysTheSameAreRefused() {
        assertRefuses("{{ text.upper }}", "{{ dict.items }}", "{{ list | map('string') }}", "{{ range }}");
    }

    @Test
    void stringsHavePythonsEscapes() {
        assertPrints("'\\n\\t\\x41\\u00e9\\U0001F600\\101'", "\n\tAé😀A", "'\\q'", "\\q", "'a' 'b' \"c\"", "abc");
        assertPrints("'\\N{BULLET}'", "•", "\"it's\"", "it's", "'a\\\nb'", "ab");
        assertRefuses("{{ '\\xZ' }}", "{{ '\\N{NO SUCH CHARACTER}' }}", "{{ 'open }}");
    }

    @Test
    void whatIsNoExpressionIsRefusedBeforeItRuns() {
        assertRefuses(
                "{{ }}",
                "{{ 1 2 }}",
                "{{ a b }}",
                "{{ (1 }}",
                "{{ [1 }}",
                "{{ 1 + }}",
                "{{ $ }}",
                "{{ x = 1 }}",
                "{{ a.(b) }}");
        assertRefuses(
                "{{ f(a=1, 2) }}",
                "{{ f(a=1, a=2) }}",
                "{{ f(**a, b) }}",
                "{{ x is a is b }}",
                "{{ [n for n in list] }}");
    }
}
