package io.plumbline.inference.language.engine;

import io.plumbline.verifier.grammar.GrammarTooCostlyException;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Advances jobs together, a batch of rows at a time: every answer in progress gains a token, or several where guesses
 * at them come true, and prompts fill what room is left. One caller at a time.
 */
final class BatchStep {
    private final Executor executor;
    private final ModelConfig config;
    private final PrefixCache prefixes;
    private final List<Segment> segments = new ArrayList<>();
    private final List<Sequence> running = new ArrayList<>();

    /** The last rows of each segment that are drafts. */
    private int[] drafts = new int[16];

    private int[] tokens = new int[0];
    private final LogitsRequests choices;

    /** @param prefixes takes finished pages, or null. */
    BatchStep(Executor executor, PrefixCache prefixes) {
        this.executor = executor;
        this.config = executor.model().config();
        this.prefixes = prefixes;
        this.choices = new LogitsRequests(config.vocab(), new TraceLayout(config).tailFloats());
    }

    /** Runs one batch without drafts. */
    void step(List<Sequence> jobs, int budget) {
        step(jobs, budget, null);
    }

    /**
     * Runs one batch. Where it carries no prompt, rows may be drafts: tokens that the answer is guessed to go on with,
     * each of which stands if it is what is chosen after the row before it. The first that is not is dropped with all
     * behind it: its keys and values are written over, and its records join no trace.
     *
     * @param jobs none finished, all with room in their caches.
     * @param budget most rows; every job past its prompt gets one all the same.
     * @throws ArithmeticException when a number overflows; a job that has not advanced then was not recorded either,
     *     and each may be stepped again by itself, without drafts, for it may be one of these that overflows.
     * @param plan says how many drafts; null for none.
     */
    void step(List<Sequence> jobs, int budget, DraftPlan plan) {
        long begin = executor.cpuNanos();
        segments.clear();
        running.clear();
        boolean decodes = true;
        for (int i = 0; i < jobs.size(); i++) {
            decodes &= !jobs.get(i).isPrefill();
        }
        int rows = decodes && plan != null ? addPlanned(jobs, budget, plan) : addRows(jobs, budget);
        if (tokens.length < rows) {
            tokens = new int[rows];
        }
        choices.clear();
        int row = 0;
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            Sequence job = running.get(i);
            for (int t = 0; t < segment.count(); t++) {
                tokens[row++] = job.token(segment.first() + t);
            }
            segment.trace().begin(segment.first(), segment.count());
            if (job.choosesAfter(segment.count())) {
                for (int asking = row - 1 - drafts[i]; asking < row; asking++) {
                    choices.add(asking, job.wantsLogits() ? LogitsRequests.ALL : LogitsRequests.BEST);
                }
            }
        }
        long started = System.nanoTime();
        executor.run(segments, tokens, choices);
        if (decodes && plan != null) {
            plan.ran(rows, System.nanoTime() - started);
        }
        finish(TraceFolder.after(executor, rows), plan);
        long cpu = executor.cpuNanos() - begin;
        for (int i = 0; i < running.size(); i++) {
            running.get(i).addCpu(cpu * segments.get(i).count() / rows);
        }
    }

    /** A row of every job past its prompt, then of prompts what there is room for; returns all rows. */
    private int addRows(List<Sequence> jobs, int budget) {
        int rows = 0;
        for (int i = 0; i < jobs.size(); i++) {
            if (!jobs.get(i).isPrefill()) {
                rows += add(jobs.get(i), 1, 0);
            }
        }
        for (int i = 0; i < jobs.size() && rows < budget; i++) {
            if (jobs.get(i).isPrefill()) {
                int wanted = Math.min(jobs.get(i).rowsWanted(), budget - rows);
                rows += add(jobs.get(i), Segment.most(config, jobs.get(i).position(), wanted), 0);
            }
        }
        return rows;
    }

    /** A row of every job and its planned drafts; returns all rows. */
    private int addPlanned(List<Sequence> jobs, int budget, DraftPlan plan) {
        plan.plan(jobs, budget);
        int rows = 0;
        // Single rows first: a device takes those at the front together.
        for (int i = 0; i < jobs.size(); i++) {
            if (plan.drafts(i) == 0) {
                rows += add(jobs.get(i), 1, 0);
            }
        }
        for (int i = 0; i < jobs.size(); i++) {
            if (plan.drafts(i) > 0) {
                rows += add(jobs.get(i), 1 + plan.drafts(i), plan.drafts(i));
            }
        }
        return rows;
    }

    private int add(Sequence job, int count, int drafted) {
        if (drafts.length == segments.size()) {
            drafts = Arrays.copyOf(drafts, 2 * drafts.length);
        }
        drafts[segments.size()] = drafted;
        segments.add(new Segment(job.cache(), job.position(), count, job.trace()));
        running.add(job);
        return count;
    }

    private void finish(java.util.concurrent.Executor folder, DraftPlan plan) {
        int chooser = 0;
        for (int i = 0; i < running.size(); i++) {
            Sequence job = running.get(i);
            int count = segments.get(i).count();
            if (!job.choosesAfter(count)) {
                finish(job, count, 0, folder, -1);
                continue;
            }
            int accepted = finish(job, count, drafts[i], folder, chooser);
            if (drafts[i] > 0) {
                plan.accept(accepted);
            }
            chooser += 1 + drafts[i];
        }
    }

    /**
     * Adds a job's rows to its trace, and chooses its next tokens: one after the rows that are no drafts, and one after
     * each draft that was right. Where a choice fails, what stands before it is kept.
     *
     * @param chooser place of the job's first choice among the choices, or -1 where it has none.
     * @return drafts that were right and not the answer's last token.
     */
    private int finish(Sequence job, int count, int drafted, java.util.concurrent.Executor folder, int chooser) {
        job.trace().await();
        int rows = count - drafted;
        int stand = 0;
        try {
            int next = chooser;
            boolean goesOn = true;
            while (goesOn) {
                int chosen = record(job, rows, next);
                stand += rows;
                goesOn = stand < count && chosen == job.token(job.position());
                if (next >= 0) {
                    job.accept(chosen, choices.logits(), choices.logitsAt(next));
                    next++;
                }
                goesOn &= !job.isFinished();
                rows = 1;
            }
        } catch (GrammarTooCostlyException e) {
            // The row whose choice it was is in no trace, as after an answer's last token.
            job.endBefore(e);
        } finally {
            if (stand > 0) {
                job.trace().cut(stand);
                job.trace().end(folder);
            }
        }
        return stand - (count - drafted);
    }

    /**
     * Passes over a job's next {@code rows} rows; returns the token chosen after the last of them, or -1 where {@code
     * chooser} is.
     */
    private int record(Sequence job, int rows, int chooser) {
        int chosen = -1;
        int last = job.position() + rows - 1;
        float logit = 0;
        if (chooser >= 0) {
            if (choices.asked(chooser) == LogitsRequests.ALL) {
                float[] logits = choices.logits();
                chosen = job.choose(logits, choices.logitsAt(chooser), config.vocab(), last);
                logit = logits[choices.logitsAt(chooser) + chosen];
            } else {
                chosen = choices.token(chooser);
                logit = choices.logit(chooser);
            }
        }
        // Only now: where a choice or the block before fails the job runs these rows again, and a page must not be kept
        // twice, the second time as what follows the first.
        if (prefixes != null) {
            prefixes.record(job, rows);
        }
        if (chooser >= 0) {
            job.trace().choose(last, choices.tails(), choices.tailAt(chooser), job.token(last), chosen, logit);
        }
        job.advance(rows);
        return chosen;
    }
}
