package io.plumbline.verifier.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GrammarTest {
    private static boolean matches(String grammar, String text) {
        return Grammar.parse(grammar).matches(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aGrammarMatchesWhatItsNotationSays() {
        String list = """
                # numbers between brackets
                root ::= "[" (number ("," " "? number)*)? "]"
                number ::= "-"? ([0-9] | [1-9] [0-9]{1,3})
                """;
        for (String good : List.of("[]", "[7]", "[-1234, 0,5]")) {
            assertTrue(matches(list, good), good);
        }
        for (String bad : List.of("", "[", "[07]", "[12345]", "[1,]", "[1,  2]", "[]]")) {
            assertFalse(matches(list, bad), bad);
        }
        assertTrue(matches(
                "root ::= \"\\\"a\\\\\\x41\\u00e9\\U0001F600\\n\" [\\]\\^-]+", "\"a\\A\u00e9\uD83D\uDE00\n]^-"));
        assertTrue(matches("root ::= a\n | b\na ::= \"x\"\nb ::= \"y\" a", "yx"));
        assertTrue(matches("root ::= \"(\" root \")\" | \"\"", "((()))"));
        assertFalse(matches("root ::= \"(\" root \")\" | \"\"", "((())"));
    }

    @Test
    void charactersAreMatchedWholeInUtf8() {
        Random random = new Random(1);
        List<int[]> ranges =
                List.of(new int[] {0x41, 0x7FF}, new int[] {0x900, 0xD7FF}, new int[] {0xFFFF, 0x10001}, new int[] {
                    0x23456, 0x10ABCD
                });
        StringBuilder set = new StringBuilder();
        ranges.forEach(range -> set.append(String.format("\\U%08x-\\U%08x", range[0], range[1])));
        Grammar within = Grammar.parse("root ::= [" + set + "]");
        Grammar without = Grammar.parse("root ::= [^" + set + "]");
        List<Integer> tried = new ArrayList<>();
        ranges.forEach(range -> tried.addAll(List.of(range[0] - 1, range[0], range[1], range[1] + 1)));
        for (int i = 0; i < 20_000; i++) {
            tried.add(random.nextInt(Character.MAX_CODE_POINT + 1));
        }
        for (int c : tried) {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                continue;
            }
            byte[] bytes = Character.toString(c).getBytes(StandardCharsets.UTF_8);
            boolean isIn = ranges.stream().anyMatch(range -> c >= range[0] && c <= range[1]);
            assertEquals(isIn, within.matches(bytes), () -> String.format("U+%X", c));
            assertEquals(!isIn, without.matches(bytes), () -> String.format("U+%X", c));
        }
        // Overlong and half characters, and surrogates, are none.
        Grammar any = Grammar.parse("root ::= .*");
        for (byte[] wrong :
                new byte[][] {{(byte) 0xC0, (byte) 0x80}, {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, {(byte) 0xE2}}) {
            assertFalse(any.matches(wrong));
        }
    }

    /** Random expressions, by the JDK's regular expressions as well. */
    @Test
    void aGrammarMatchesWhatTheSameRegularExpressionDoes() {
        for (long seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            StringBuilder gbnf = new StringBuilder("root ::= ");
            StringBuilder regex = new StringBuilder();
            write(random, 4, gbnf, regex);
            Grammar grammar = Grammar.parse(gbnf.toString());
            Pattern pattern = Pattern.compile(regex.toString());
            for (int i = 0; i < 200; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(7); n > 0; n--) {
                    text.append((char) ('a' + random.nextInt(3)));
                }
                assertEquals(
                        pattern.matcher(text).matches(),
                        grammar.matches(text.toString().getBytes(StandardCharsets.UTF_8)),
                        "seed " + seed + ": " + gbnf + " on \"" + text + "\"");
            }
        }
    }

    private static void write(Random random, int depth, StringBuilder gbnf, StringBuilder regex) {
        switch (depth == 0 ? 0 : random.nextInt(6)) {
            case 0 -> {
                String class_ = List.of("a", "b", "c", "ab", "bc").get(random.nextInt(5));
                gbnf.append('[').append(class_).append("] ");
                regex.append('[').append(class_).append(']');
            }
            case 1, 2 -> {
                for (int n = 1 + random.nextInt(3); n > 0; n--) {
                    write(random, depth - 1, gbnf, regex);
                }
            }
            case 3, 4 -> {
                gbnf.append("( ");
                regex.append("(?:");
                for (int n = 1 + random.nextInt(3); n > 0; n--) {
                    write(random, depth - 1, gbnf, regex);
                    gbnf.append(n > 1 ? "| " : "");
                    regex.append(n > 1 ? "|" : "");
                }
                gbnf.append(") ");
                regex.append(')');
            }
            default -> {
                gbnf.append("( ");
                regex.append("(?:");
                write(random, depth - 1, gbnf, regex);
                String times = List.of("*", "+", "?", "{2}", "{1,}", "{0,3}").get(random.nextInt(6));
                gbnf.append(')').append(times).append(' ');
                regex.append(')').append(times);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a ::= \"x\"",
                "root ::= missing",
                "root ::= root \"x\" | \"y\"",
                "root ::= a?  root",
                "root ::= a\na ::= \"\" b\nb ::= a",
                "root ::= \"x\" root",
                "root ::= [^\\x00-\\U0010FFFF]",
                "root ::= \"x",
                "root ::= [a",
                "root ::= (\"a\"",
                "root ::= \"a\")",
                "root ::= \"a\"{3,2}",
                "root ::= \"a\"{99999}",
                "root ::= \"\\q\"",
                "root ::= [z-a]",
                "root ::= \"\\ud800\"",
                "root ::= \"a\"\nroot ::= \"b\"",
                "root ::= *",
                "root = \"a\"",
                "root ::= !",
            })
    void aGrammarThatCannotBeFollowedIsRefusedBySayingWhy(String grammar) {
        GrammarException refused = assertThrows(GrammarException.class, () -> Grammar.parse(grammar));
        assertTrue(refused.getMessage().startsWith("The grammar"), refused.getMessage());
    }

    @Test
    void hostileGrammarsAreBounded() {
        assertTimeout(Duration.ofSeconds(60), () -> {
            assertThrows(GrammarException.class, () -> Grammar.parse("root ::= " + "(".repeat(5_000)));
            assertThrows(GrammarException.class, () -> Grammar.parse("root ::= \"" + "x".repeat(70_000) + "\""));
            assertThrows(GrammarException.class, () -> Grammar.parse("root ::= " + ". ".repeat(30_000)));
            StringBuilder deep = new StringBuilder("root ::= r0\n");
            for (int i = 0; i < 3_000; i++) {
                deep.append("r" + i + " ::= r" + (i + 1) + "\n");
            }
            deep.append("r3000 ::= \"x\"");
            assertThrows(GrammarException.class, () -> Grammar.parse(deep.toString()));
            // A long text of many parts that may be left out takes no deep stack.
            Grammar many = Grammar.parse("root ::= " + "\"a\"?".repeat(1_000));
            assertTrue(many.matches("aaa".getBytes(StandardCharsets.UTF_8)));
            // Readings that multiply end as too costly.
            Grammar open = Grammar.parse("root ::= (\"a\" [ab]{0,9999} | [ab])* \"c\"");
            GrammarWalk walk = new GrammarWalk(open, letters());
            assertThrows(GrammarTooCostlyException.class, () -> {
                for (int i = 0; i < 100_000; i++) {
                    walk.accept(0);
                }
            });
        });
    }

    /** One byte alone has 2^200 readings: whoever follows it must not look at all of them to see that they are many. */
    @Test
    void oneByteWithManyReadingsEndsAsTooCostlyAtOnce() {
        StringBuilder doubling = new StringBuilder("root ::= r0\n");
        for (int i = 0; i < 200; i++) {
            doubling.append("r" + i + " ::= r" + (i + 1) + " | r" + (i + 1) + " \"c\"\n");
        }
        doubling.append("r200 ::= [ab]\n");
        Grammar grammar = Grammar.parse(doubling.toString());
        GrammarWalk walk = new GrammarWalk(grammar, letters());
        assertTimeoutPreemptively(
                Duration.ofSeconds(60), () -> assertThrows(GrammarTooCostlyException.class, () -> walk.accept(0)));
    }

    /**
     * What ends an answer of one host must end it for all, though it has looked at less than they; and what one has got
     * through takes no other too much that looks at less still. Some parts of these grammars are costly for a while,
     * where a walk may have looked at them before or not.
     */
    @Test
    void whoLooksAtLessHasNoMoreWorkThanTheContractCounts() {
        Random dice = new Random(5);
        int spent = 0;
        for (int round = 0; round < 20; round++) {
            StringBuilder text = new StringBuilder("root ::= ([ab]{" + (1 + dice.nextInt(90)) + "} part){9}\n");
            text.append("part ::= r0 | [ab] \"c\" r0\n");
            int depth = 3 + dice.nextInt(9);
            for (int i = 0; i < depth; i++) {
                text.append("r" + i + " ::= r" + (i + 1) + " | r" + (i + 1) + " \"c\"\n");
            }
            text.append("r" + depth + " ::= ([ab] | [ab] \"c\"){1," + (1 + dice.nextInt(12)) + "}\n");
            Grammar grammar = Grammar.parse(text.toString());
            int[] tokens = dice.ints(400, 0, 2).toArray();
            GrammarWalk node = new GrammarWalk(grammar, letters());
            List<Integer> looked = new ArrayList<>();
            int taken = 0;
            try {
                while (taken < tokens.length) {
                    if (dice.nextInt(12) == 0) {
                        node.all();
                        looked.add(taken);
                    } else {
                        node.contains(tokens[taken]);
                    }
                    node.accept(tokens[taken]);
                    taken++;
                }
            } catch (GrammarTooCostlyException e) {
                spent++;
                assertTrue(
                        GrammarWalk.isSpentBy(grammar, letters(), Arrays.copyOf(tokens, taken)),
                        "round " + round + ", " + taken + " tokens");
            }
            for (int at : looked) {
                GrammarWalk auditor = new GrammarWalk(grammar, letters());
                for (int i = 0; i < at; i++) {
                    auditor.accept(tokens[i]);
                }
                auditor.all();
            }
            assertFalse(GrammarWalk.isSpentBy(Grammar.parse("root ::= [abc]*"), letters(), tokens));
        }
        assertTrue(spent > 1 && spent < 19, spent + " of 20");
    }

    /** What was found out is forgotten at a window's end, also where the text has no byte yet: it goes on as before. */
    @Test
    void windowsChangeNothingOfWhatMayFollow() {
        List<byte[]> pieces =
                List.of(new byte[0], new byte[] {'a'}, new byte[] {'b'}, " a".getBytes(StandardCharsets.UTF_8));
        Vocabulary vocabulary = new Vocabulary(pieces, true);
        Grammar grammar = Grammar.parse("root ::= \"a\" (\"ab\" | \"ba\"){0,400}");
        GrammarWalk walk = new GrammarWalk(grammar, vocabulary);
        for (int i = 0; i < 2 * GrammarWalk.WINDOW; i++) {
            walk.accept(0);
        }
        assertTrue(walk.contains(3), "the first space is left out, as at the beginning");
        walk.accept(3);
        for (int i = 0; i < 300; i++) {
            assertTrue(walk.isComplete());
            assertTrue(walk.all().get(1) && walk.all().get(2) && !walk.all().get(3), "after " + i);
            walk.accept(1 + i % 2);
            assertEquals(i % 2 == 0, walk.all().get(2), "after " + i);
            assertEquals(i % 2 == 1, walk.all().get(1), "after " + i);
            walk.accept(2 - i % 2);
        }
    }

    /** Each byte leads to a choice of thousands, of two that are here already: few terms are looked at to find it. */
    @Test
    void alternativesThatAreComparedCountAlsoWhereTheyComeTogether() {
        StringBuilder text = new StringBuilder("root ::= ([abc] (");
        for (int i = 0; i < 4_000; i++) {
            text.append(i == 2_000 ? ") | [abc] (" : i == 0 ? "" : "|");
            text.append('"')
                    .append(i < 2_000 ? 'a' : 'b')
                    .append(Integer.toString(i, 36))
                    .append('"');
        }
        GrammarWalk walk = new GrammarWalk(Grammar.parse(text.append("))").toString()), letters());
        long before = walk.visits();
        walk.all();
        assertTrue(walk.visits() - before > 3 * 8 * 4_000, "visits " + walk.visits());
    }

    /** Frugal tokens leave work to later ones, but not without end: the next would hold up all that are computed. */
    @Test
    void aLongTextLeavesNoMoreToOneTokenThanItsBeginningHas() {
        StringBuilder text = new StringBuilder("root ::= \"a\"{0,20000} (\"b\" r0)?\n");
        for (int i = 0; i < 24; i++) {
            text.append("r" + i + " ::= r" + (i + 1) + " | r" + (i + 1) + " \"c\"\n");
        }
        GrammarWalk walk =
                new GrammarWalk(Grammar.parse(text.append("r24 ::= [ab]\n").toString()), letters());
        for (int i = 0; i < 20_000; i++) {
            walk.accept(0);
        }
        walk.accept(1);
        long before = walk.visits();
        assertThrows(GrammarTooCostlyException.class, () -> walk.accept(0));
        assertTrue(walk.visits() - before < GrammarWalk.MOST_VISITS + 100_000, "visits " + (walk.visits() - before));
    }

    /** A thread's stack would end, at another place on each host, and with it the engine that follows the grammar. */
    @Test
    void whatStandsDeepWithinItselfIsRefusedBeforeAStackEnds() {
        for (String repeat : List.of("+", "?", "*", "{1,2}")) {
            String stacked = "root ::= \"a\"" + repeat.repeat(12_000);
            assertThrows(GrammarException.class, () -> Grammar.parse(stacked));
        }
        StringBuilder nested = new StringBuilder();
        for (int rule = 0; rule < 200; rule++) {
            nested.append(rule == 0 ? "root" : "r" + rule).append(" ::= ").append("(".repeat(50));
            nested.append(rule == 199 ? "\"x\"" : "r" + (rule + 1))
                    .append(")?".repeat(50))
                    .append('\n');
        }
        Grammar deep = Grammar.parse(nested.toString());
        assertThrows(GrammarTooCostlyException.class, () -> deep.matches(new byte[] {'x'}));
    }

    private static Vocabulary letters() {
        List<byte[]> tokens = new ArrayList<>();
        for (char c = 'a'; c <= 'c'; c++) {
            tokens.add(new byte[] {(byte) c});
        }
        return new Vocabulary(tokens, false);
    }

    /** A token may come next where some text of the grammar goes on with its bytes: compared with trying each alone. */
    @Test
    void theTokensThatMayComeNextAreThoseWhoseBytesTheGrammarFollows() {
        List<String> pieces =
                new ArrayList<>(List.of("", " ", "\"", "{", "}", "[", "]", ",", ":", "null", "true", "tr", "12"));
        Random random = new Random(7);
        for (int i = 0; i < 3_000; i++) {
            StringBuilder piece = new StringBuilder();
            for (int n = 1 + random.nextInt(6); n > 0; n--) {
                piece.append("{}[]\",: ntruelfas\\0123.eé\uD83D\uDE00".charAt(random.nextInt(26)));
            }
            pieces.add(piece.toString());
        }
        List<byte[]> tokens = new ArrayList<>();
        pieces.forEach(piece -> tokens.add(piece.getBytes(StandardCharsets.UTF_8)));
        for (int b = 0; b < 256; b++) {
            tokens.add(new byte[] {(byte) b});
        }
        String json = """
                root ::= value
                value ::= "{" ws (pair ("," ws pair)*)? "}" | "[" ws (value ("," ws value)*)? "]" | string | number
                  | "true" | "false" | "null"
                pair ::= string ":" ws value
                string ::= "\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" ["\\\\nt])* "\\""
                number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)?
                ws ::= " "?
                """;
        Grammar grammar = Grammar.parse(json);
        for (boolean drops : new boolean[] {false, true}) {
            Vocabulary vocabulary = new Vocabulary(tokens, drops);
            for (int run = 0; run < 10; run++) {
                GrammarWalk walk = new GrammarWalk(grammar, vocabulary);
                List<Integer> chosen = new ArrayList<>();
                for (int step = 0; step < 25; step++) {
                    BitSet permitted = (BitSet) walk.all().clone();
                    for (int i = 0; i < 60; i++) {
                        int token = random.nextInt(tokens.size());
                        GrammarWalk alone = new GrammarWalk(grammar, vocabulary);
                        chosen.forEach(alone::accept);
                        alone.accept(token);
                        boolean goesOn = alone.isComplete() || !alone.all().isEmpty();
                        assertEquals(goesOn && tokens.get(token).length > 0, permitted.get(token), "token " + token);
                        GrammarWalk asked = new GrammarWalk(grammar, vocabulary);
                        chosen.forEach(asked::accept);
                        assertEquals(permitted.get(token), asked.contains(token), "token " + token + " by itself");
                    }
                    if (permitted.isEmpty()) {
                        assertTrue(walk.isComplete());
                        break;
                    }
                    int next = permitted.nextSetBit(random.nextInt(tokens.size()));
                    next = next < 0 ? permitted.nextSetBit(0) : next;
                    walk.accept(next);
                    chosen.add(next);
                }
            }
        }
    }

    @Test
    void aSpaceThatTextsOfTheTokenizerDoNotBeginWithIsLeftOutOnce() {
        List<byte[]> tokens = new ArrayList<>();
        for (String piece : List.of(" a", "a", "  a", " ", "b")) {
            tokens.add(piece.getBytes(StandardCharsets.UTF_8));
        }
        GrammarWalk walk = new GrammarWalk(Grammar.parse("root ::= \"aa\" \" a\""), new Vocabulary(tokens, true));
        assertEquals("{0, 1, 3}", walk.all().toString());
        walk.accept(0);
        assertEquals("{1}", walk.all().toString());
        walk.accept(1);
        assertEquals("{0, 3}", walk.all().toString());
        walk.accept(0);
        assertTrue(walk.isComplete());
        assertTrue(walk.all().isEmpty());
    }
}
