package io.plumbline.verifier.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class GbnfTest {
    private static boolean matches(String grammar, String text) {
        return Grammar.parse(grammar).matches(text.getBytes(StandardCharsets.UTF_8));
    }

    /** With all that GBNF has in which a name may seem to stand. */
    private static final String HARD = """
            # root ::= "comment"
            root ::= one-1 "root \\"a\\" \\\\" [root\\]"] {1,2} |
              ( two_2 . ){2} # one-1
            one-1 ::= "x"? [^a-z\\x41]*
            two_2 ::= "tw\\u006f"
            """;

    @Test
    void aGrammarWithOtherNamesTakesTheSameTexts() {
        String renamed = "root ::= p-root\n" + Gbnf.renamed(HARD, "p-");
        for (String text : List.of(
                "xroot \"a\" \\r",
                "root \"a\" \\]\"",
                "two!two?",
                "two!",
                "p-root \"a\" \\r",
                "x00root \"a\" \\r",
                "A root \"a\" \\r")) {
            assertEquals(matches(HARD, text), matches(renamed, text), text);
        }
        assertTrue(matches(renamed, "two!two?") && matches(renamed, "xroot \"a\" \\r"));
    }

    @Test
    void oneOfTwoGrammarsHoldsWhateverTheirRulesAreCalled() {
        String json = "root ::= \"{\" ws \"\\\"a\\\":\" ws [0-9]+ ws \"}\"\nws ::= [ \\n]*\n";
        String either = Gbnf.either(json, HARD.replace("one-1", "ws"));
        assertTrue(matches(either, "{\"a\": 1}"));
        assertTrue(matches(either, "two!two?"));
        assertFalse(matches(either, "{\"a\": 1}two!two?"));
        assertFalse(matches(either, "{\"a\": \"1\"}"));
    }

    @Test
    void aGrammarBeginsBehindAWordWhateverStandsBeforeIt() {
        String behind = Gbnf.behind("</think>", "root ::= \"yes\" | \"no\"");
        assertTrue(matches(behind, "</think>no"));
        assertTrue(matches(behind, "It <b>is</b> </think so.</think>\n\nyes"));
        assertFalse(matches(behind, "yes"));
        assertFalse(matches(behind, "It is.</think>maybe"));
        assertFalse(matches(behind, "It is.</think>yes</think>no"));
        // A comment ends with its line, also where that ends with a backslash.
        String commented = Gbnf.behind("</think>", "# see C:\\\nroot ::= x\nx ::= \"a\"\n");
        assertTrue(matches(commented, "So.</think>a"));
    }
}
