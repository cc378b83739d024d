package io.plumbline.node.gateway.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.grammar.Grammar;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegexGrammarTest {
    /** By the JDK's own as well, on texts made of what the expressions speak of. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "a|bc|",
                "^(\\d{3}-)?\\d{2}$",
                "[^a-c\"\\\\\\]]+x",
                "[]a]{2,}",
                "(?:ab){1,2}?c*",
                "(?<year>[0-9]{2})\\.x",
                "\\w\\W\\s\\S",
                "[\\w.-]+@[\\d]",
                "\\x41\\u00e9[\\t -]",
                "é.😀?",
                "a{2}\n[bc]{1,2}",
                "{x}",
            })
    void aRegularExpressionAndItsGrammarMatchTheSameTexts(String regex) {
        Grammar grammar = Grammar.parse(RegexGrammar.of(regex));
        Pattern pattern = Pattern.compile(regex.equals("{x}") ? Pattern.quote(regex) : regex.replace("[]a]", "[\\]a]"));
        Random random = new Random(3);
        List<String> pieces = List.of(
                "a", "b", "c", "x", "1", "23", "23.x", "456-", "78", "]", "\"", "\\", ".", "@", " ", "\t", "_", "A",
                "é", "😀", "{", "}", ",", "2", "aa", "\n", "{x}", "ab", "Aé", "aa\nb");
        int matched = 0;
        for (int i = 0; i < 60_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(5); n > 0; n--) {
                text.append(pieces.get(random.nextInt(pieces.size())));
            }
            boolean expected = pattern.matcher(text).matches();
            matched += expected ? 1 : 0;
            assertEquals(
                    expected,
                    grammar.matches(text.toString().getBytes(StandardCharsets.UTF_8)),
                    () -> regex + " on \"" + text + "\"");
        }
        assertTrue(matched > 0, regex + " matched nothing: the test says nothing");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(?=a)b",
                "(?!a)b",
                "(?<=a)b",
                "(?<!a)b",
                "(a)\\1",
                "a++",
                "(?i)a",
                "\\bword",
                "a(",
                "a)",
                "[a",
                "*a",
                "a\\",
                "[z-a]",
                "a^b",
                "a$b",
                "\\p{L}",
                "[^\\S]",
                "\\ud800",
                "a{3,2}",
                "a**",
                "a{2}{3}",
                "a+*",
                "a???",
                "a{,2}",
                "a{1234567}",
                "a{1,1234567}",
                "{3}"
            })
    void whatAGrammarCannotSayIsRefusedWithItsPlace(String regex) {
        String why = assertThrows(IllegalArgumentException.class, () -> Grammar.parse(RegexGrammar.of(regex)))
                .getMessage();
        assertTrue(why.startsWith("The regular expression cannot be followed at character "), why);
    }
}
