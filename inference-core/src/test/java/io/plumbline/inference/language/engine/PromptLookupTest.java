package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
    private static int[] guesses(PromptLookup lookup, int[] tokens, int length, int most) {
        int count = lookup.draft(tokens, length, most);
        return Arrays.copyOfRange(tokens, length, length + count);
    }

    private static int[] roomFor(int more, int... tokens) {
        return Arrays.copyOf(tokens, tokens.length + more);
    }

    @Test
    void whatFollowedThreeTokensIsGuessedBeforeWhatFollowedTwo() {
        int[] tokens = roomFor(4, 7, 1, 2, 3, 40, 41, 9, 2, 3, 50, 51, 1, 2, 3);
        assertArrayEquals(new int[] {40, 41, 9}, guesses(new PromptLookup(tokens, 14), tokens, 14, 3));
        tokens = roomFor(4, 7, 1, 2, 3, 40, 41, 9, 2, 3, 50, 51, 8, 2, 3);
        assertArrayEquals(new int[] {50, 51, 8}, guesses(new PromptLookup(tokens, 14), tokens, 14, 3));
    }

    @Test
    void whatNeverStoodThereIsNotGuessed() {
        int[] tokens = new Random(1).ints(50, 0, 1_000_000).toArray();
        PromptLookup lookup = new PromptLookup(tokens, 20);
        for (int length = 20; length < 40; length++) {
            assertEquals(0, lookup.draft(tokens, length, 8), "after " + length);
            lookup.accepted(tokens, length + 1);
        }
        for (int length = 1; length < 4; length++) {
            assertEquals(0, new PromptLookup(Arrays.copyOf(tokens, 50), length).draft(tokens, length, 8));
        }
    }

    @Test
    void aTextThatRepeatsItselfIsGuessedBeyondItsPeriod() {
        int[] tokens = roomFor(8, 1, 2, 3, 1, 2, 3);
        assertArrayEquals(new int[] {1, 2, 3, 1, 2, 3, 1}, guesses(new PromptLookup(tokens, 6), tokens, 6, 7));
    }

    @Test
    void aPlaceIsFollowedUntilItIsWrongAndLookedUpAgain() {
        int[] tokens = roomFor(6, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3);
        PromptLookup lookup = new PromptLookup(tokens, 11);
        assertArrayEquals(new int[] {4, 5}, guesses(lookup, tokens, 11, 2));
        tokens[11] = 4;
        lookup.accepted(tokens, 12);
        assertArrayEquals(new int[] {5, 6}, guesses(lookup, tokens, 12, 2));
        tokens[12] = 7;
        lookup.accepted(tokens, 13);
        assertEquals(0, lookup.draft(tokens, 13, 2));
        tokens[13] = 8;
        lookup.accepted(tokens, 14);
        assertArrayEquals(new int[] {1, 2}, guesses(lookup, tokens, 14, 2), "after 7 and 8");
    }

    /** Also where nothing was computed on a guess: what it is worth is known before it costs anything. */
    @Test
    void confidenceFollowsHowOftenGuessesWereRight() {
        int[] loop = new int[400];
        for (int i = 0; i < loop.length; i++) {
            loop[i] = i % 7;
        }
        PromptLookup right = new PromptLookup(loop, 20);
        for (int length = 21; length <= 100; length++) {
            right.accepted(loop, length);
        }
        assertTrue(right.confidence(7) > 0.9, "right " + right.confidence(7));

        // Two tokens are followed by a third that never was there before.
        int[] chance = new int[900];
        for (int i = 0; i < chance.length; i += 3) {
            chance[i + 2] = 100 + i;
            chance[i + 1] = 2;
            chance[i] = 1;
        }
        PromptLookup wrong = new PromptLookup(chance, 30);
        for (int length = 31; length <= 870; length++) {
            wrong.accepted(chance, length);
            if (length % 3 == 2 && length > 600) {
                assertEquals(1, wrong.draft(Arrays.copyOf(chance, 900), length, 1));
                assertTrue(wrong.confidence(0) < 0.01, "wrong " + wrong.confidence(0));
            }
        }
    }
}
