package io.plumbline.inference.engine;

import io.plumbline.inference.engine.ForwardPass.Segment;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.model.LoadedModel.Matrix;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.List;

/** Times the forward pass by itself: with its trace, as it is served, or without, to see what the trace costs. */
public final class SpeedProbe {
    private static final int DECODE_FROM = 32;

    private final ForwardPass forward;
    private final ModelConfig config;
    private final int block;

    /** @param block prompt tokens run at once. */
    public SpeedProbe(ForwardPass forward, int block) {
        this.forward = forward;
        this.config = forward.model().config();
        this.block = block;
    }

    /** Bytes of weights that a token reads: every matrix once. */
    public static long weightBytes(LoadedModel model) {
        long sum = bytes(model.output());
        for (LoadedModel.Layer layer : model.layers()) {
            for (Matrix matrix :
                    List.of(layer.q(), layer.k(), layer.v(), layer.out(), layer.gate(), layer.up(), layer.down())) {
                sum += bytes(matrix);
            }
        }
        return sum;
    }

    private static long bytes(Matrix matrix) {
        return (long) matrix.rows() * matrix.columns();
    }

    private int token(int t) {
        return 3 + (int) (t * 7919L % (config.vocab() - 3));
    }

    /** Prompt tokens a second, logits of the last one included. */
    public double prefill(int tokens, boolean withTrace) {
        KeyValuePages pages = new KeyValuePages(config, KeyValuePages.pagesFor(tokens));
        Logits logits = new Logits();
        float[] h = new float[Math.min(block, tokens) * config.hidden()];
        try (KeyValuePages.Sequence cache = pages.sequence()) {
            cache.reserve(tokens);
            long begin = System.nanoTime();
            run(cache, 0, tokens, withTrace ? trace() : null, h, logits);
            return tokens / ((System.nanoTime() - begin) / 1e9);
        }
    }

    /** Output tokens a second after a short prompt, one at a time. */
    public double decode(int tokens, boolean withTrace) {
        KeyValuePages pages = new KeyValuePages(config, KeyValuePages.pagesFor(DECODE_FROM + tokens));
        Logits logits = new Logits();
        float[] h = new float[Math.max(1, Math.min(block, DECODE_FROM)) * config.hidden()];
        TraceWriter trace = withTrace ? trace() : null;
        try (KeyValuePages.Sequence cache = pages.sequence()) {
            cache.reserve(DECODE_FROM + tokens);
            run(cache, 0, DECODE_FROM, trace, h, logits);
            long begin = System.nanoTime();
            for (int t = DECODE_FROM; t < DECODE_FROM + tokens; t++) {
                run(cache, t, 1, trace, h, logits);
            }
            return tokens / ((System.nanoTime() - begin) / 1e9);
        }
    }

    private TraceWriter trace() {
        return new TraceWriter(
                config, TraceLayout.keyOf(new byte[32]), forward.workers().count(), null);
    }

    private final class Logits {
        private final int[] products = new int[config.vocab()];
        private final float[] values = new float[config.vocab()];
        private final int[] row = new int[1];
    }

    private void run(KeyValuePages.Sequence cache, int first, int count, TraceWriter trace, float[] h, Logits logits) {
        int rows = 0;
        for (int at = 0; at < count; at += block) {
            rows = Math.min(block, count - at);
            int[] tokens = new int[rows];
            for (int i = 0; i < rows; i++) {
                tokens[i] = token(first + at + i);
            }
            LayerObserver observer = trace == null ? LayerObserver.NONE : trace;
            if (trace != null) {
                trace.begin(first + at, rows);
            }
            forward.run(List.of(new Segment(cache, first + at, rows, observer)), tokens, h);
            if (trace != null) {
                for (int i = 0; i < rows; i++) {
                    trace.last(first + at + i, h, i * config.hidden(), tokens[i], -1, 0f);
                }
                trace.end();
            }
        }
        logits.row[0] = rows - 1;
        forward.logits(h, logits.row, 1, logits.products, logits.values);
    }

    /** Bytes a second that this many threads read from memory, the best of a few passes over 1 GiB. */
    public static double readBandwidth(int threads) {
        int size = 1 << 27;
        long[][] memory = new long[threads][size / threads];
        long[] sums = new long[threads * 16];
        double best = 0;
        try (Workers workers = new Workers(threads)) {
            for (int pass = 0; pass < 6; pass++) {
                long begin = System.nanoTime();
                workers.run(threads, (worker, index) -> sums[index * 16] += sum(memory[index]));
                best = Math.max(best, 8.0 * (size / threads) * threads / ((System.nanoTime() - begin) / 1e9));
            }
        }
        return best;
    }

    private static long sum(long[] values) {
        long sum = 0;
        for (int i = 0; i < values.length; i++) {
            sum += values[i];
        }
        return sum;
    }
}
