package io.plumbline.inference.language.engine;

import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * One request answered many times at once, before anything is served: a device runs other kernels for one sequence
 * than for five or a hundred, and a wrong bit in any of them costs its node the stake.
 */
public final class SelfTest {
    /** Numbers of sequences that between them lead to every way that a batch of single rows can take. */
    private static final int[] SEQUENCES = {1, 2, 5, 8, 33, 64, 100};

    /** Those of them that are run once more with guesses: rows of one sequence that all choose. */
    private static final int[] GUESSING = {1, 5};

    private static final int MOST_GUESSES = 8;

    private final Executor executor;
    private final ModelConfig config;
    private final Request request;
    private final byte[] traceKey;
    private final int length;

    /** The answer's tokens, once there is one. */
    private int[] answer;

    private SelfTest(Executor executor, Request request, Bytes32 node) {
        this.executor = executor;
        this.config = executor.model().config();
        this.request = request;
        this.traceKey = TraceLayout.keyOf(node.bytes());
        this.length = Sequence.tokens(request, config);
    }

    /**
     * Runs it in 1, 2, 5, 8, 33, 64 and 100 sequences, those of them that {@code sequences} allows, and in that
     * number too; then in 1 and 5 with guesses, of which each step's last is wrong.
     *
     * @param request greedy. Where its prompt has one token more than some whole pages, all sequences decode together
     *     from the first step: they share those pages.
     * @param node public key under which the trace is committed.
     * @param expected the root of its trace, 32 bytes.
     * @param rows most rows in a step; the executor takes {@code sequences} more.
     * @param sequences most at once.
     * @param pages most pages of keys and values to use.
     * @return the least number of sequences with which some root differs, or empty when none does.
     */
    public static OptionalInt differs(
            Executor executor, Request request, Bytes32 node, byte[] expected, int rows, int sequences, int pages) {
        Generator.check(request, executor.model().config());
        SelfTest test = new SelfTest(executor, request, node);
        int each = KvCache.pagesFor(test.config, test.length);
        int most = Math.min(sequences, pages / each);
        int[] counts = Arrays.stream(SEQUENCES).filter(n -> n < most).toArray();
        counts = Arrays.copyOf(counts, counts.length + 1);
        counts[counts.length - 1] = Math.min(most, SEQUENCES[SEQUENCES.length - 1]);
        int largest = Math.max(1, counts[counts.length - 1]);
        try (KvCache memory = executor.pages(largest * each)) {
            PrefixCache prefixes = new PrefixCache(executor, memory);
            BatchStep stepper = new BatchStep(executor, prefixes);
            for (int n : counts) {
                if (n > 0 && !test.agree(n, memory, prefixes, stepper, rows, expected, null)) {
                    return OptionalInt.of(n);
                }
            }
            // No state can be taken back that has seen a wrong guess.
            for (int n : test.config.linearLayers() > 0 ? new int[0] : GUESSING) {
                DraftPlan plan = new DraftPlan(MOST_GUESSES, (confidence, tokens, step) -> true);
                if (n <= most && !test.agree(n, memory, prefixes, stepper, rows, expected, plan)) {
                    return OptionalInt.of(n);
                }
            }
            prefixes.makeRoom(memory.capacity());
        }
        return OptionalInt.empty();
    }

    private boolean agree(
            int n, KvCache memory, PrefixCache prefixes, BatchStep stepper, int rows, byte[] expected, DraftPlan plan) {
        TokenListener listener = (token, logits, offset) -> false;
        List<Sequence> jobs = new ArrayList<>();
        try {
            for (int i = 0; i < n; i++) {
                Sequence job = new Sequence(
                        ChoiceRule.of(request, null),
                        config,
                        memory.sequence(),
                        traceKey,
                        listener,
                        () -> false,
                        plan == null ? null : (tokens, prompt) -> new KnownAnswer(prompt, answer));
                jobs.add(job);
                prefixes.begin(job);
                prefixes.makeRoom(KvCache.pagesFor(config, length) - job.cache().taken());
                job.cache().reserve(length);
            }
            List<Sequence> unfinished = new ArrayList<>(jobs);
            while (!unfinished.isEmpty()) {
                stepper.step(unfinished, rows, plan);
                unfinished.removeIf(Sequence::isFinished);
            }
            answer = jobs.getFirst().answer();
            return jobs.stream()
                    .allMatch(job -> Arrays.equals(
                            expected, job.result(config, executor.model().id()).traceRoot()));
        } finally {
            jobs.forEach(Sequence::close);
        }
    }

    /** Guesses what was answered before; but the last guess is wrong, so that every step has a row that falls. */
    private record KnownAnswer(int prompt, int[] answer) implements Drafter {
        @Override
        public int draft(int[] tokens, int length, int most) {
            int count = Math.min(most, answer.length - (length - prompt));
            if (count > 0) {
                System.arraycopy(answer, length - prompt, tokens, length, count);
                int last = length + count - 1;
                tokens[last] = tokens[last] == 0 ? 1 : tokens[last] - 1;
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
