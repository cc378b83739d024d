package io.plumbline.inference.engine;

import io.plumbline.inference.engine.ForwardPass.Segment;
import io.plumbline.verifier.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * Advances jobs together, a batch of rows at a time: every answer in progress gains a token, and prompts fill what room is left. One
 * caller at a time.
 */
final class Stepper {
    private final ForwardPass forward;
    private final ModelConfig config;
    private final PrefixCache prefixes;
    private final List<Segment> segments = new ArrayList<>();
    private final List<Job> running = new ArrayList<>();
    private int[] tokens = new int[0];
    private float[] h = new float[0];
    private int[] choosing = new int[0];
    private int[] products = new int[0];
    private float[] logits = new float[0];

    /** @param prefixes takes finished pages, or null. */
    Stepper(ForwardPass forward, PrefixCache prefixes) {
        this.forward = forward;
        this.config = forward.model().config();
        this.prefixes = prefixes;
    }

    /**
     * Runs one batch.
     *
     * @param jobs none finished, all with room in their caches.
     * @param budget most rows; every job past its prompt gets one all the same.
     * @throws ArithmeticException when a number overflows; no job has advanced then, and each may be stepped again by itself.
     */
    void step(List<Job> jobs, int budget) {
        long begin = forward.workers().cpuNanos();
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
        reserve(rows);
        int row = 0;
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            for (int t = 0; t < segment.count(); t++) {
                tokens[row++] = running.get(i).token(segment.first() + t);
            }
            running.get(i).trace().begin(segment.first(), segment.count());
        }
        forward.run(segments, tokens, h);
        finish(rows);
        long cpu = forward.workers().cpuNanos() - begin;
        for (int i = 0; i < running.size(); i++) {
            running.get(i).addCpu(cpu * segments.get(i).count() / rows);
        }
    }

    private void add(Job job, int count) {
        segments.add(new Segment(job.cache(), job.position(), count, job.trace()));
        running.add(job);
    }

    private void reserve(int rows) {
        if (tokens.length < rows) {
            tokens = new int[rows];
            h = new float[rows * config.hidden()];
        }
    }

    private void finish(int rows) {
        int choosers = 0;
        if (choosing.length < running.size()) {
            choosing = new int[running.size()];
        }
        int row = 0;
        for (int i = 0; i < running.size(); i++) {
            row += segments.get(i).count();
            if (running.get(i).choosesAfter(segments.get(i).count())) {
                choosing[choosers++] = row - 1;
            }
        }
        int vocab = config.vocab();
        if (logits.length < choosers * vocab) {
            products = new int[choosers * vocab];
            logits = new float[choosers * vocab];
        }
        if (choosers > 0) {
            forward.logits(h, choosing, choosers, products, logits);
        }
        row = 0;
        int chooser = 0;
        for (int i = 0; i < running.size(); i++) {
            Job job = running.get(i);
            int count = segments.get(i).count();
            boolean chooses = job.choosesAfter(count);
            finish(job, row, count, chooses ? chooser * vocab : -1);
            chooser += chooses ? 1 : 0;
            row += count;
        }
    }

    /** The final records of a job's rows, and its next token. */
    private void finish(Job job, int row, int count, int logitsAt) {
        int first = job.position();
        int hidden = config.hidden();
        int plain = logitsAt < 0 ? count : count - 1;
        for (int i = 0; i < plain; i++) {
            job.trace().last(first + i, h, (row + i) * hidden, job.token(first + i), -1, 0f);
        }
        int chosen = -1;
        if (logitsAt >= 0) {
            int last = first + count - 1;
            chosen = job.request().sampling().choose(logits, logitsAt, config.vocab(), last);
            job.trace().last(last, h, (row + count - 1) * hidden, job.token(last), chosen, logits[logitsAt + chosen]);
        }
        job.trace().flush();
        if (prefixes != null) {
            prefixes.record(job, h, row, count, logitsAt >= 0);
        }
        job.trace().end();
        job.advance(count);
        if (logitsAt >= 0) {
            job.accept(chosen, logits, logitsAt);
        }
    }
}
