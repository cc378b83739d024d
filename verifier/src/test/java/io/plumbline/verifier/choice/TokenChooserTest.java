package io.plumbline.verifier.choice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.GrammarException;
import io.plumbline.verifier.grammar.PermittedTokens;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenChooserTest {
    private static final int STOP = 0;
    private static final Vocabulary WORDS = words("", "yes", "no", " no", "y", "es", "maybe");

    private static Vocabulary words(String... texts) {
        List<byte[]> bytes = new ArrayList<>();
        for (String text : texts) {
            bytes.add(text.getBytes(StandardCharsets.UTF_8));
        }
        return new Vocabulary(bytes, false);
    }

    private static TokenChooser chooser(Sampling sampling, String grammar, int... prompt) {
        Request request = new Request(
                Bytes32.ZERO,
                "",
                0,
                prompt.length == 0 ? new int[] {6} : prompt,
                sampling,
                9,
                new int[] {STOP},
                List.of(),
                grammar,
                Bytes32.ZERO,
                new byte[16]);
        return ChoiceRule.of(request, () -> WORDS).begin();
    }

    private static Sampling greedy(int presence, int frequency, int repetition, int[] biased, int[] biases) {
        return new Sampling(
                0, 0, 1_000_000, 0, 0, new LogitAdjustments(presence, frequency, repetition, biased, biases));
    }

    private static int choose(TokenChooser chooser, float... logits) {
        return chooser.choose(logits, 0, logits.length, 0);
    }

    @Test
    void aGrammarLeavesTheLargestLogitAmongTheTokensThatItFollows() {
        TokenChooser chooser = chooser(Sampling.GREEDY, "root ::= \"yes\" \" no\"{1,2}");
        float[] logits = {9, 1, 8, 8, 2, 7, 9};
        assertEquals(4, choose(chooser, logits), "y goes on to yes, and is likelier than yes");
        chooser.accept(4);
        assertEquals(5, choose(chooser, logits));
        chooser.accept(5);
        assertEquals(3, choose(chooser, logits), "the text is not whole yet: it may not stop");
        chooser.accept(3);
        assertEquals(STOP, choose(chooser, logits), "it may stop or go on");
        logits[STOP] = 0;
        assertEquals(3, choose(chooser, logits));
        chooser.accept(3);
        assertEquals(STOP, choose(chooser, logits), "it may only stop");
    }

    @Test
    void anAnswerThatTheVocabularyCannotWriteStops() {
        TokenChooser chooser = chooser(Sampling.GREEDY, "root ::= \"yes!\"");
        chooser.accept(1);
        assertEquals(STOP, choose(chooser, 0, 9, 9, 9, 9, 9, 9));
    }

    @Test
    void drawsAreAmongThePermittedTokensAlone() {
        Sampling drawn = new Sampling(2f, 0, 1_000_000, 3);
        int[] seen = new int[7];
        TokenChooser chooser = chooser(drawn, "root ::= \"yes\" | \"no\"");
        for (int position = 0; position < 4_000; position++) {
            seen[chooser.choose(new float[] {5, 1, 1, 5, 1, 5, 5}, 0, 7, position)]++;
        }
        assertEquals(4_000, seen[1] + seen[2] + seen[4]);
        for (int token : new int[] {1, 2, 4}) {
            assertTrue(Math.abs(seen[token] - 1_333) < 200, "equal logits are drawn alike: " + seen[token]);
        }
    }

    /** However few are asked about: what is chosen is what is chosen when only the permitted ones are there. */
    @Test
    void aChoiceAmongPermittedTokensIsThatWithoutTheOthers() {
        Random random = new Random(21);
        for (int run = 0; run < 2_000; run++) {
            int n = 1 + random.nextInt(60);
            float[] logits = new float[n];
            BitSet permitted = new BitSet();
            for (int i = 0; i < n; i++) {
                logits[i] = random.nextInt(12);
                permitted.set(i, random.nextInt(4) == 0);
            }
            permitted.set(random.nextInt(n));
            int[] ids = permitted.stream().toArray();
            float[] others = new float[ids.length];
            for (int i = 0; i < ids.length; i++) {
                others[i] = logits[ids[i]];
            }
            PermittedTokens asked = new PermittedTokens() {
                @Override
                public boolean contains(int token) {
                    return permitted.get(token);
                }

                @Override
                public BitSet all() {
                    return permitted;
                }
            };
            for (Sampling rule : List.of(
                    Sampling.GREEDY,
                    new Sampling(1.3f, 0, 1_000_000, run),
                    new Sampling(2f, 5, 700_000, 100_000, run, LogitAdjustments.NONE))) {
                assertEquals(
                        ids[rule.choose(others, 0, ids.length, run)],
                        rule.choose(logits, 0, n, run, asked),
                        "run " + run + ", " + rule);
            }
        }
    }

    @Test
    void penaltiesAndBiasesMoveLogitsByWhatHasComeBefore() {
        float[] logits = {0, 3, 2.5f, 0, 0, 0, 0};
        TokenChooser presence = chooser(greedy(400_000, 0, 1_000_000, new int[0], new int[0]), "");
        presence.accept(1);
        assertEquals(1, choose(presence, logits), "3 - 0.4");
        TokenChooser frequency = chooser(greedy(0, 300_000, 1_000_000, new int[0], new int[0]), "");
        frequency.accept(1);
        assertEquals(1, choose(frequency, logits), "3 - 0.3");
        frequency.accept(1);
        assertEquals(2, choose(frequency, logits), "3 - 0.6");
        TokenChooser repetition = chooser(greedy(0, 0, 1_300_000, new int[0], new int[0]), "", 1, 5);
        assertEquals(2, choose(repetition, logits), "the prompt's tokens count: 3 / 1.3");
        assertEquals(3, choose(repetition, -9, -9, -9, -2, -9, -1.9f, -9), "-1.9 * 1.3");
        TokenChooser bias = chooser(greedy(0, 0, 1_000_000, new int[] {1, 4}, new int[] {-100_000_000, 2_500_001}), "");
        assertEquals(4, choose(bias, logits));
        assertEquals(2, choose(bias, 0, 50, 2.5f, 0, -0.1f, 0, 0));
        float[] before = logits.clone();
        choose(bias, logits);
        assertEquals(before[1], logits[1], "the logits themselves stay");
    }

    /** The same rule written plainly, in the order of docs/numeric-contract.md. */
    @Test
    void adjustedLogitsAreThoseOfTheContract() {
        Random random = new Random(5);
        for (int run = 0; run < 200; run++) {
            LogitAdjustments adjustments = new LogitAdjustments(
                    random.nextInt(4_000_001) - 2_000_000,
                    random.nextInt(4_000_001) - 2_000_000,
                    500_000 + random.nextInt(1_500_000),
                    new int[] {2, 5},
                    new int[] {random.nextInt(2_000_001) - 1_000_000, random.nextInt(2_000_001) - 1_000_000});
            TokenChooser chooser = chooser(new Sampling(0, 0, 1_000_000, 0, 0, adjustments), "", 3, 5);
            int[] counts = new int[7];
            float[] logits = new float[7];
            for (int step = 0; step < 12; step++) {
                int best = 0;
                float largest = Float.NEGATIVE_INFINITY;
                for (int i = 0; i < 7; i++) {
                    logits[i] = (float) random.nextGaussian() * 2;
                    float z = logits[i];
                    if (counts[i] > 0 || i == 3 || i == 5) {
                        float r = adjustments.repetition() / 1e6f;
                        z = z > 0 ? z / r : z * r;
                    }
                    long sum = i == 2
                            ? adjustments.biases()[0]
                            : i == 5 ? adjustments.biases()[1] : 0;
                    sum -= counts[i] > 0 ? adjustments.presence() : 0;
                    sum -= (long) counts[i] * adjustments.frequency();
                    z += sum / 1e6f;
                    if (z > largest) {
                        best = i;
                        largest = z;
                    }
                }
                assertEquals(best, choose(chooser, logits), "run " + run);
                int next = random.nextInt(7);
                counts[next]++;
                chooser.accept(next);
            }
        }
    }

    @Test
    void aTokenOfTooSmallAShareOfTheLargestWeightIsNotDrawn() {
        float[] logits = {3, 2, 1, 0, 0, 0, 0};
        // exp(-1) is 0.3679, exp(-2) 0.1353.
        for (int minP : new int[] {0, 135_000, 136_000, 367_000, 368_000, 1_000_000}) {
            Sampling rule = new Sampling(1, 0, 1_000_000, minP, 5, LogitAdjustments.NONE);
            int largest = 0;
            for (int position = 0; position < 3_000; position++) {
                largest = Math.max(largest, rule.choose(logits, 0, 7, position));
            }
            int expected = minP == 0 ? 6 : minP < 135_300 ? 2 : minP < 367_800 ? 1 : 0;
            assertEquals(expected, largest, "min_p " + minP);
        }
    }

    @Test
    void whatNoRequestMayAskForIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> greedy(2_000_001, 0, 1_000_000, new int[0], new int[0]));
        assertThrows(IllegalArgumentException.class, () -> greedy(0, -2_000_001, 1_000_000, new int[0], new int[0]));
        assertThrows(IllegalArgumentException.class, () -> greedy(0, 0, 0, new int[0], new int[0]));
        assertThrows(IllegalArgumentException.class, () -> greedy(0, 0, 1_000_000, new int[] {1}, new int[0]));
        assertThrows(IllegalArgumentException.class, () -> greedy(0, 0, 1_000_000, new int[] {2, 1}, new int[] {1, 1}));
        assertThrows(
                IllegalArgumentException.class, () -> greedy(0, 0, 1_000_000, new int[] {2}, new int[] {100_000_001}));
        assertThrows(GrammarException.class, () -> chooser(Sampling.GREEDY, "root ::= nowhere"));
        Request without = new Request(
                Bytes32.ZERO,
                "",
                0,
                new int[1],
                Sampling.GREEDY,
                1,
                new int[] {0},
                List.of(),
                "root ::= \"a\"",
                Bytes32.ZERO,
                new byte[16]);
        assertFalse(ChoiceRule.of(without, null).isKnown());
        assertFalse(ChoiceRule.of(without, null).isGreedy());
    }
}
