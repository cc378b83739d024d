package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Advances jobs together, a batch of rows at a time: every answer in progress gains a token, and prompts fill what
 * room is left. One caller at a time.
 */
final class BatchStep {
    private final Executor executor;
    private final ModelConfig config;
    private final PrefixCache prefixes;
    private final List<Segment> segments = new ArrayList<>();
    private final List<Sequence> running = new ArrayList<>();
    private int[] tokens = new int[0];
    private final LogitsRequests choices;

    /** @param prefixes takes finished pages, or null. */
    BatchStep(Executor executor, PrefixCache prefixes) {
        this.executor = executor;
        this.config = executor.model().config();
        this.prefixes = prefixes;
        this.choices = new LogitsRequests(config.vocab(), new TraceLayout(config).tailFloats());
    }

    /**
     * Runs one batch.
     *
     * @param jobs none finished, all with room in their caches.
     * @param budget most rows; every job past its prompt gets one all the same.
     * @throws ArithmeticException when a number overflows; a job that has not advanced then was not recorded either,
     *     and each may be stepped again by itself.
     */
    void step(List<Sequence> jobs, int budget) {
        long begin = executor.cpuNanos();
        segments.clear();
        running.clear();
        int rows = 0;
        for (int i = 0; i < jobs.size(); i++) {
            if (!jobs.get(i).isPrefill()) {
                add(jobs.get(i), 1);
                rows++;
            }
        }
        for (int i = 0; i < jobs.size() && rows < budget; i++) {
            if (jobs.get(i).isPrefill()) {
                int count = Math.min(jobs.get(i).rowsWanted(), budget - rows);
                add(jobs.get(i), count);
                rows += count;
            }
        }
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
                choices.add(row - 1, job.wantsLogits() ? LogitsRequests.ALL : LogitsRequests.BEST);
            }
        }
        executor.run(segments, tokens, choices);
        finish(TraceFolder.after(executor, rows));
        long cpu = executor.cpuNanos() - begin;
        for (int i = 0; i < running.size(); i++) {
            running.get(i).addCpu(cpu * segments.get(i).count() / rows);
        }
    }

    private void add(Sequence job, int count) {
        segments.add(new Segment(job.cache(), job.position(), count, job.trace()));
        running.add(job);
    }

    private void finish(java.util.concurrent.Executor folder) {
        int chooser = 0;
        for (int i = 0; i < running.size(); i++) {
            Sequence job = running.get(i);
            int count = segments.get(i).count();
            finish(job, count, folder, job.choosesAfter(count) ? chooser++ : -1);
        }
    }

    /**
     * What a job's rows add to its trace, and its next token. {@code chooser} is its place among the choices, or -1.
     */
    private void finish(Sequence job, int count, java.util.concurrent.Executor folder, int chooser) {
        int chosen = -1;
        int last = job.position() + count - 1;
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
        job.trace().await();
        // Only now: where a choice or the block before fails the job runs these rows again, and a page must not be kept
        // twice, the second time as what follows the first.
        if (prefixes != null) {
            prefixes.record(job, count);
        }
        if (chooser >= 0) {
            job.trace().choose(last, choices.tails(), choices.tailAt(chooser), job.token(last), chosen, logit);
        }
        job.trace().end(folder);
        job.advance(count);
        if (chooser >= 0) {
            job.accept(chosen, choices.logits(), choices.logitsAt(chooser));
        }
    }
}
