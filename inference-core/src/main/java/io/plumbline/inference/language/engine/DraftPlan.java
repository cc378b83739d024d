package io.plumbline.inference.language.engine;

import java.util.List;

/**
 * How many tokens ahead each sequence of a step is computed on its {@link Drafter}'s guesses: the likeliest guesses of
 * all sequences first, as long as one more brings more tokens a second.
 */
final class DraftPlan {
    /** Most rows of a step with drafts: beyond, rows cost what they cost in a prompt. */
    static final int MOST_ROWS = 64;

    private final int most;
    private final Worth worth;
    private int[] drafts = new int[0];
    private int[] guesses = new int[0];
    private volatile long drafted;
    private volatile long accepted;

    /** Decides whether a row is worth its time. */
    interface Worth {
        /** A step that only decodes took {@code nanos} ns for {@code rows} rows. */
        default void ran(int rows, long nanos) {}

        /**
         * Whether a row more pays.
         *
         * @param confidence how likely its token is right, 0 to 1.
         * @param tokens expected of the step without it.
         * @param rows of the step without it.
         */
        boolean pays(double confidence, double tokens, int rows);
    }

    /** @param most drafts of a sequence in one step, 1 or more. */
    DraftPlan(int most, Worth worth) {
        this.most = most;
        this.worth = worth;
    }

    /**
     * Plans a step.
     *
     * @param jobs all past their prompts; their guesses stand behind their tokens afterwards.
     * @param budget most rows of the step.
     */
    void plan(List<Sequence> jobs, int budget) {
        int n = jobs.size();
        if (drafts.length < n) {
            drafts = new int[n];
            guesses = new int[n];
        }
        int rows = n;
        int limit = Math.min(budget, MOST_ROWS);
        for (int i = 0; i < n; i++) {
            drafts[i] = 0;
            guesses[i] = rows < limit ? jobs.get(i).draft(Math.min(most, limit - rows)) : 0;
        }
        double tokens = n;
        for (int i = likeliest(jobs); i >= 0 && rows < limit; i = likeliest(jobs)) {
            double confidence = jobs.get(i).draftConfidence(drafts[i]);
            if (!worth.pays(confidence, tokens, rows)) {
                break;
            }
            tokens += confidence;
            drafts[i]++;
            rows++;
        }
        // Written by one thread alone.
        drafted = drafted + rows - n;
    }

    /** The job whose next guess is likeliest to be right, or -1 where there are no more guesses. */
    private int likeliest(List<Sequence> jobs) {
        int best = -1;
        double most = 0;
        for (int i = 0; i < jobs.size(); i++) {
            if (drafts[i] < guesses[i]) {
                double confidence = jobs.get(i).draftConfidence(drafts[i]);
                if (confidence > most) {
                    most = confidence;
                    best = i;
                }
            }
        }
        return best;
    }

    /** Drafts of job {@code i} in the step that was planned. */
    int drafts(int i) {
        return drafts[i];
    }

    /** The planned step took {@code nanos} ns. */
    void ran(int rows, long nanos) {
        worth.ran(rows, nanos);
    }

    /** A job's answer goes on as {@code count} of its drafts had it. */
    void accept(int count) {
        accepted = accepted + count;
    }

    /** Tokens that were computed on a guess, since the start. May be read by any thread. */
    long drafted() {
        return drafted;
    }

    /** Those of them that the answers went on with. May be read by any thread. */
    long accepted() {
        return accepted;
    }
}
