package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DraftPlanTest {
    @TempDir
    static Path folder;

    private static LoadedModel model;

    @BeforeAll
    static void load() throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** Always guesses {@code token}, with a confidence that falls by the same factor from guess to guess. */
    private record Sure(int token, double share) implements Drafter {
        @Override
        public int draft(int[] tokens, int length, int most) {
            for (int i = 0; i < most; i++) {
                tokens[length + i] = token;
            }
            return most;
        }

        @Override
        public double confidence(int index) {
            return Math.pow(share, index + 1);
        }

        @Override
        public void accepted(int[] tokens, int length) {}
    }

    private record AtLeast(double confidence) implements DraftPlan.Worth {
        @Override
        public boolean pays(double sure, double tokens, int rows) {
            assertTrue(tokens <= rows, tokens + " of " + rows);
            return sure >= confidence;
        }
    }

    /** Past its prompt of one token. */
    private static Sequence sequence(int most, int guess, double share) {
        Request request = TestModels.request(model, new int[] {5}, most, Sampling.GREEDY);
        KvCache.PageTable none = KvCache.ofHost(model.config(), 0).sequence();
        return new Sequence(
                ChoiceRule.of(request, null),
                model.config(),
                none,
                new byte[32],
                (token, logits, offset) -> false,
                () -> false,
                (tokens, length) -> new Sure(guess, share));
    }

    private static List<Integer> planned(double confidence, int most, int budget, List<Sequence> jobs) {
        DraftPlan plan = new DraftPlan(most, new AtLeast(confidence));
        plan.plan(jobs, budget);
        List<Integer> drafts = new ArrayList<>();
        for (int i = 0; i < jobs.size(); i++) {
            drafts.add(plan.drafts(i));
        }
        assertEquals(drafts.stream().mapToInt(n -> n).sum(), plan.drafted());
        return drafts;
    }

    @Test
    void theLikeliestGuessesOfAllSequencesComeFirst() {
        List<Sequence> jobs = List.of(sequence(50, 9, 0.9), sequence(50, 9, 0.5), sequence(50, 9, 0.1));
        assertEquals(List.of(6, 1, 0), planned(0.5, 8, 256, jobs));
        assertEquals(List.of(8, 1, 0), planned(0.4, 8, 256, jobs));
        assertEquals(List.of(3, 0, 0), planned(0.01, 8, 6, jobs), "a step of six rows");
        assertEquals(List.of(0, 0, 0), planned(0.01, 8, 2, jobs), "more sequences than rows");
        assertEquals(List.of(0, 0, 0), planned(1, 8, 256, jobs));
    }

    @Test
    void aStepWithGuessesHasFewRows() {
        List<Sequence> jobs = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            jobs.add(sequence(50, 9, 0.99));
        }
        assertEquals(
                DraftPlan.MOST_ROWS - 60,
                planned(0.01, 8, 256, jobs).stream().mapToInt(n -> n).sum());
    }

    @Test
    void neitherTheLastTokenNorAStopTokenRuns() {
        int stop = model.stopTokens()[0];
        assertEquals(List.of(0), planned(0, 8, 256, List.of(sequence(1, 9, 0.9))));
        assertEquals(List.of(4), planned(0, 8, 256, List.of(sequence(5, 9, 0.9))));
        assertEquals(List.of(0), planned(0, 8, 256, List.of(sequence(50, stop, 0.9))));
    }
}
