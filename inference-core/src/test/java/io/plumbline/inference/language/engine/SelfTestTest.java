package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelfTestTest {
    private static final Bytes32 NODE = Bytes32.ZERO;
    private static final int GUESSES = -1;

    @TempDir
    Path folder;

    /**
     * Processors that choose a wrong token in steps of just so many sequences, or with guesses; 0 for none. Remembers
     * the steps it saw.
     */
    private record Faulty(Executor good, int broken, Set<Integer> seen) implements Executor {
        @Override
        public LoadedModel model() {
            return good.model();
        }

        @Override
        public String name() {
            return good.name();
        }

        @Override
        public KvCache pages(int most) {
            return good.pages(most);
        }

        @Override
        public long cpuNanos() {
            return good.cpuNanos();
        }

        @Override
        public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
            good.run(batch, tokens, choices);
            if (batch.stream().allMatch(segment -> segment.count() == 1)) {
                seen.add(batch.size());
            }
            boolean isWrong = broken == GUESSES ? choices.count() > batch.size() : batch.size() == broken;
            if (isWrong) {
                int wrong = Math.max(0, broken - 1);
                choices.answer(wrong, choices.token(wrong) ^ 1, choices.logit(wrong));
            }
        }

        @Override
        public void close() {
            good.close();
        }
    }

    private OptionalInt differs(int broken, Set<Integer> seen, int sequences, int pages) throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                Executor executor = new Faulty(TestModels.forward(model), broken, seen)) {
            int[] prompt = new Random(3)
                    .ints(2 * KvCache.TOKENS + 1, 3, model.config().vocab())
                    .toArray();
            Request request = TestModels.request(model, prompt, 4, Sampling.GREEDY);
            byte[] expected;
            try (ForwardPass forward = TestModels.forward(model)) {
                expected = new Generator(forward, NODE)
                        .generate(request, token -> {})
                        .traceRoot();
            }
            return SelfTest.differs(executor, request, NODE, expected, 256, sequences, pages);
        }
    }

    @Test
    void everyNumberOfSequencesIsStepped() throws IOException {
        Set<Integer> seen = new TreeSet<>();
        assertEquals(OptionalInt.empty(), differs(0, seen, 128, 1000));
        assertEquals(Set.of(1, 2, 5, 8, 33, 64, 100), seen);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 5, 33, 64, 100})
    void aWrongBitInOneOfThemIsFound(int sequences) throws IOException {
        assertEquals(OptionalInt.of(sequences), differs(sequences, new TreeSet<>(), 128, 1000));
    }

    @Test
    void aWrongBitInAStepWithGuessesIsFound() throws IOException {
        assertEquals(OptionalInt.of(1), differs(GUESSES, new TreeSet<>(), 128, 1000));
    }

    @Test
    void noMoreSequencesAreTriedThanWillBeServed() throws IOException {
        Set<Integer> seen = new TreeSet<>();
        assertEquals(OptionalInt.empty(), differs(100, seen, 40, 1000));
        assertEquals(Set.of(1, 2, 5, 8, 33, 40), seen);
    }

    @Test
    void noMoreSequencesAreTriedThanThereAreKeysFor() throws IOException {
        Set<Integer> seen = new TreeSet<>();
        assertEquals(OptionalInt.empty(), differs(8, seen, 128, 3 * 6));
        assertEquals(Set.of(1, 2, 5, 6), seen);
    }
}
