package io.plumbline.inference.language.engine;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Guesses for tests: by one that knows the answers, and may lie, in engines that compute on every guess. */
public final class Guesses {
    private Guesses() {}

    /**
     * An engine whose guesses are right as often as it is told.
     *
     * @param texts prompts with their answers.
     * @param percentRight of a guess at one of these; all others are random.
     */
    public static Engine engine(
            Executor executor, Bytes32 node, Engine.Limits limits, List<int[]> texts, int percentRight, long seed) {
        Random dice = new Random(seed);
        int vocab = executor.model().config().vocab();
        return engine(executor, node, limits, (tokens, length) -> new Seer(texts, percentRight, dice, vocab));
    }

    static Engine engine(Executor executor, Bytes32 node, Engine.Limits limits, Drafter.Factory drafters) {
        return new Engine(executor, node, limits, drafters, (confidence, tokens, rows) -> true);
    }

    /** A prompt with its answer. */
    public static int[] text(int[] prompt, int[] answer) {
        int[] text = Arrays.copyOf(prompt, prompt.length + answer.length);
        System.arraycopy(answer, 0, text, prompt.length, answer.length);
        return text;
    }

    /** Knows answers, and guesses them right as often as it is told to. */
    private record Seer(List<int[]> texts, int percentRight, Random dice, int vocab) implements Drafter {
        @Override
        public int draft(int[] tokens, int length, int most) {
            int count = 1 + dice.nextInt(most);
            for (int i = 0; i < count; i++) {
                tokens[length + i] = dice.nextInt(vocab);
            }
            for (int[] text : texts) {
                if (text.length > length && Arrays.equals(text, 0, length, tokens, 0, length)) {
                    for (int i = 0; i < count && length + i < text.length; i++) {
                        if (dice.nextInt(100) < percentRight) {
                            tokens[length + i] = text[length + i];
                        }
                    }
                }
            }
            return count;
        }

        @Override
        public double confidence(int index) {
            return 1;
        }

        @Override
        public void accepted(int[] tokens, int length) {}
    }
}
