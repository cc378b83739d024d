package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times the forward pass by itself: with its trace, as it is served, or without, to see what the trace costs. A trace
 * is timed until its last block has joined its tree.
 */
public final class SpeedProbe {
    private static final int DECODE_FROM = 32;

    private final Executor executor;
    private final ModelConfig config;
    private final int block;
    private final LogitsRequests choices;
    private byte[] traceRoot;

    /** @param block prompt tokens run at once. */
    public SpeedProbe(Executor executor, int block) {
        this.executor = executor;
        this.config = executor.model().config();
        this.block = block;
        this.choices = new LogitsRequests(config.vocab(), new TraceLayout(config).tailFloats());
    }

    /** Bytes of weights that a token reads: every matrix once. */
    public static long weightBytes(LoadedModel model) {
        long sum = bytes(model.output());
        for (LoadedModel.Layer layer : model.layers()) {
            for (Matrix matrix : Arrays.asList(
                    layer.q(),
                    layer.k(),
                    layer.v(),
                    layer.attentionGate(),
                    layer.out(),
                    layer.gate(),
                    layer.up(),
                    layer.down())) {
                sum += bytes(matrix);
            }
            if (layer.linear() != null) {
                LoadedModel.Linear linear = layer.linear();
                sum += bytes(linear.qkv()) + bytes(linear.gate()) + bytes(linear.rates());
            }
            if (layer.perLayer() != null) {
                LoadedModel.PerLayer own = layer.perLayer();
                sum += bytes(own.input()) + bytes(own.gate()) + bytes(own.out());
            }
            if (layer.mixture() != null) {
                LoadedModel.Mixture mixture = layer.mixture();
                long expert = bytes(mixture.gateUp().getFirst())
                        + bytes(mixture.down().getFirst());
                long chosen = model.config().architecture().experts().chosen();
                sum += bytes(mixture.router()) + chosen * expert;
            }
        }
        return sum;
    }

    private static long bytes(Matrix matrix) {
        return matrix == null ? 0 : matrix.weights().byteSize();
    }

    private int token(int t) {
        return 3 + (int) (t * 7919L % (config.vocab() - 3));
    }

    /** Prompt tokens a second, the token after the last one included. */
    public double prefill(int tokens, boolean withTrace) {
        try (KvCache pages = executor.pages(KvCache.pagesFor(config, tokens));
                KvCache.PageTable cache = pages.sequence()) {
            cache.reserve(tokens);
            TraceWriter trace = withTrace ? trace() : null;
            long begin = System.nanoTime();
            run(cache, 0, tokens, trace);
            double perSecond = tokens / ((System.nanoTime() - begin) / 1e9);
            if (trace != null) {
                Bytes32 id = executor.model().id();
                traceRoot = trace.root(new TraceLayout(config).header(id, Bytes32.ZERO, tokens));
            }
            return perSecond;
        }
    }

    /** Trace root of the last prefill with a trace, 32 bytes, by which two runs show that they computed the same. */
    public byte[] traceRoot() {
        if (traceRoot == null) {
            throw new IllegalStateException("No prefill has had a trace yet.");
        }
        return traceRoot.clone();
    }

    /** Output tokens a second after a short prompt, one at a time. */
    public double decode(int tokens, boolean withTrace) {
        return decode(tokens, 1, withTrace);
    }

    /** Output tokens a second after short prompts, {@code maxSequences} answers at a time, all of them counted. */
    public double decode(int tokens, int maxSequences, boolean withTrace) {
        return decode(tokens, maxSequences, withTrace, () -> {});
    }

    /** The same; {@code begun} is called when the prompts have run. */
    public double decode(int tokens, int maxSequences, boolean withTrace, Runnable begun) {
        List<KvCache.PageTable> caches = new ArrayList<>();
        List<TraceWriter> traces = new ArrayList<>();
        try (KvCache pages = executor.pages(maxSequences * KvCache.pagesFor(config, DECODE_FROM + tokens))) {
            for (int i = 0; i < maxSequences; i++) {
                caches.add(pages.sequence());
                caches.get(i).reserve(DECODE_FROM + tokens);
                traces.add(withTrace ? trace() : null);
                run(caches.get(i), 0, DECODE_FROM, traces.get(i));
            }
            int[] ids = new int[maxSequences];
            List<Segment> batch = new ArrayList<>();
            begun.run();
            long begin = System.nanoTime();
            for (int t = DECODE_FROM; t < DECODE_FROM + tokens; t++) {
                batch.clear();
                choices.clear();
                for (int i = 0; i < maxSequences; i++) {
                    batch.add(segment(caches.get(i), t, 1, traces.get(i)));
                    ids[i] = token(t + i);
                    choices.add(i, LogitsRequests.BEST);
                }
                step(batch, ids);
            }
            for (TraceWriter trace : traces) {
                await(trace);
            }
            return (double) tokens * maxSequences / ((System.nanoTime() - begin) / 1e9);
        }
    }

    private TraceWriter trace() {
        return new TraceWriter(config, TraceLayout.keyOf(new byte[32]), null);
    }

    private static Segment segment(KvCache.PageTable cache, int first, int count, TraceWriter trace) {
        if (trace != null) {
            trace.begin(first, count);
        }
        return new Segment(cache, first, count, trace);
    }

    private void run(KvCache.PageTable cache, int first, int count, TraceWriter trace) {
        int rows = 0;
        for (int at = 0; at < count; at += rows) {
            rows = Segment.most(config, first + at, Math.min(block, count - at));
            int[] tokens = new int[rows];
            for (int i = 0; i < rows; i++) {
                tokens[i] = token(first + at + i);
            }
            choices.clear();
            if (at + rows == count) {
                choices.add(rows - 1, LogitsRequests.BEST);
            }
            step(List.of(segment(cache, first + at, rows, trace)), tokens);
        }
        await(trace);
    }

    private static void await(TraceWriter trace) {
        if (trace != null) {
            trace.await();
        }
    }

    private void step(List<Segment> batch, int[] tokens) {
        executor.run(batch, tokens, choices);
        for (Segment segment : batch) {
            if (segment.trace() != null) {
                segment.trace().end(TraceFolder.after(executor, tokens.length));
            }
        }
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
