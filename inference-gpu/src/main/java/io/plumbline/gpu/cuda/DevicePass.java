package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.hardware.HardwareProfile;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.engine.LogitsRequests;
import io.plumbline.inference.language.engine.Segment;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * The model on a GPU. Token ids, positions and page lists go up in one copy; chosen tokens and digests of the trace
 * come down; everything between stays on the device. Batches that only decode are recorded once as a graph and
 * launched again. Records are hashed in a stream of their own, beside the layers.
 */
@SuppressWarnings("restricted")
final class DevicePass implements Executor {
    /** Rows whose logits are computed together. */
    private static final int LOGITS_AT_ONCE = DeviceBatch.MOST_RECORDED;

    /** Where, behind the status, tokens stand, their logits, and the residuals of each row's last chunk; in bytes. */
    private static final long TOKEN_AT = 16;

    private static final long LOGIT_AT = TOKEN_AT + 4L * LOGITS_AT_ONCE;
    private static final long TAILS_AT = LOGIT_AT + 4L * LOGITS_AT_ONCE;

    /** Rows of a tile of attention, heads that share a kv head counted one by one. */
    private static final int TILE = 64;

    /** The same of Hopper's own kernel: two groups of warps share a page's keys. */
    private static final int HOPPER_TILE = 128;

    /** Query heads that a block of decoding attention takes. */
    private static final int HEADS_AT_ONCE = Kernels.HEADS_AT_ONCE;

    private static final int MOST_SPLITS = 64;

    /** Heads that a block of {@code split_heads} takes. */
    private static final int SPLIT_HEADS = 8;

    /** A grid's y and z, where rows stand, go no further. */
    private static final int MOST_ROWS = HardwareProfile.MOST_ROWS;

    private static final int PAGE = KvCache.TOKENS;
    private static final int KEY_WORDS = DeviceTrace.KEY_WORDS;

    /** Threads of a block of {@code attend_short_*}: more where there are fewer blocks than multiprocessors. */
    private static final int SHORT_THREADS = 256;

    private static final int MOST_SHORT_THREADS = 384;

    private final Cuda cuda;
    private final DeviceWeights weights;
    private final Products products;
    private final LoadedModel model;
    private final ModelConfig config;
    private final TraceLayout layout;
    private final int capacity;
    private final int maxSequences;
    private final int multiprocessors;

    private final CUstream_st stream;
    private final Launcher main;
    private final DeviceTrace trace;
    private final Map<Graph, CUgraphExec_st> graphs = new HashMap<>();
    private final Owned owned;

    /** Times every kernel, in place of launching graphs; null but where that was asked for. */
    private KernelTimes times;

    // On the device, row by row.
    private final long h;
    private final long x;
    private final long scale;
    private final long work;
    private final long q;
    private final long sq;
    private final long k;
    private final long sk;
    private final long v;
    private final long sv;
    private final long most;
    private final long scores;
    private final int stride;
    private final long splitMost;
    private final long splitScale;
    private final long den;
    private final long high;
    private final long low;
    private final long logitProducts;
    private final long logits;
    private final long best;
    private final long status;
    private final long token;
    private final long logit;
    private final long tails;

    // What goes up: ints, then addresses.
    private final MemorySegment inputs;
    private final long deviceInputs;
    private final int positionsAt;
    private final int askedAt;
    private final int choosingAt;
    private final int tileFirstAt;
    private final int tileCountAt;
    private final int keyAt;
    private final long tablesAt;
    private final long listsAt;

    // What comes down.
    private final MemorySegment downAnswers;
    private final MemorySegment downLogits;

    /** What a recorded graph depends on. */
    private record Graph(int rows, boolean logits, boolean trace, boolean isShort) {}

    /**
     * @param rows most rows in a batch.
     * @param maxSequences most sequences in a batch.
     */
    DevicePass(Cuda cuda, DeviceWeights weights, Products products, LoadedModel model, int rows, int maxSequences) {
        this.cuda = cuda;
        this.weights = weights;
        this.model = model;
        this.config = model.config();
        this.layout = new TraceLayout(config);
        this.capacity = padded(rows);
        this.maxSequences = Math.min(maxSequences, capacity);
        if (capacity > MOST_ROWS) {
            throw new IllegalArgumentException(
                    "A batch of " + capacity + " rows; a grid has " + MOST_ROWS + " at most.");
        }
        cuda.makeCurrent();
        this.owned = new Owned(cuda);
        try {
            this.multiprocessors = cuda.multiprocessors();
            this.stream = owned.stream();
            this.main = owned.launcher(stream);
            this.products = products.in(cuda, owned, stream);
            if (cuda.overlapsKernels()) {
                main.overlap();
            }
            long n = capacity;
            int decode = this.maxSequences;
            this.stride = KvCache.pagesFor(config.maxPositions()) * PAGE;
            this.h = owned.allocate(4 * n * config.hidden());
            this.x = owned.allocate(n * Math.max(config.hidden(), Math.max(config.queryDim(0), config.mlp())));
            this.scale = owned.allocate(4 * n);
            this.work = owned.allocate(4 * n * Math.max(config.qkvDim(0), Math.max(config.queryDim(0), config.mlp())));
            this.q = owned.allocate(2 * n * config.queryDim(0));
            this.sq = owned.allocate(4 * n * config.heads());
            this.k = owned.allocate(2 * n * config.kvDim(0));
            this.sk = owned.allocate(4 * n * config.kvHeads());
            this.v = owned.allocate(n * config.kvDim(0));
            this.sv = owned.allocate(4 * n * config.kvHeads());
            this.most = owned.allocate(4 * n);
            long heads = (long) decode * config.heads();
            this.scores = owned.allocate(4 * heads * stride);
            this.splitMost = owned.allocate(4 * heads * MOST_SPLITS);
            this.splitScale = owned.allocate(4 * heads * MOST_SPLITS);
            this.den = owned.allocate(8 * heads);
            this.high = owned.allocate(4 * heads * config.headDim());
            this.low = owned.allocate(4 * heads * config.headDim());
            this.logitProducts = owned.allocate(4L * LOGITS_AT_ONCE * config.vocab());
            this.logits = owned.allocate(4L * LOGITS_AT_ONCE * config.vocab());
            this.best = owned.allocate(8L * LOGITS_AT_ONCE);
            // One copy brings all of these down.
            long answers = 4L * LOGITS_AT_ONCE * (2 + Math.max(1, layout.tailFloats()));
            this.status = owned.allocate(TOKEN_AT + answers);
            this.token = status + TOKEN_AT;
            this.logit = status + LOGIT_AT;
            this.tails = status + TAILS_AT;

            this.positionsAt = capacity;
            this.askedAt = 2 * capacity;
            this.choosingAt = 3 * capacity;
            this.tileFirstAt = 4 * capacity;
            this.tileCountAt = 5 * capacity;
            this.keyAt = 6 * capacity;
            this.tablesAt = 4L * (keyAt + KEY_WORDS);
            this.listsAt = tablesAt + 8L * capacity;
            long size = listsAt + 8L * this.maxSequences * KvCache.pagesFor(config.maxPositions());
            this.inputs = owned.pinned(size);
            this.deviceInputs = owned.allocate(size);
            this.downAnswers = owned.pinned(TOKEN_AT + answers);
            this.downLogits = owned.pinned(4L * LOGITS_AT_ONCE * config.vocab());
            this.trace = new DeviceTrace(
                    cuda,
                    owned,
                    main,
                    config,
                    capacity,
                    this.maxSequences,
                    new DeviceTrace.Parts(h, k, v, sk, sv),
                    new DeviceTrace.Inputs(input(0), input(positionsAt), input(keyAt)));
        } catch (RuntimeException e) {
            owned.closeAfter(e);
            throw e;
        }
    }

    /** Whole slices of rows: the last of a product may read, not use, rows behind those it was given. */
    private static int padded(int rows) {
        return (rows + Products.GEMV_ROWS - 1) / Products.GEMV_ROWS * Products.GEMV_ROWS;
    }

    /** Device memory that a pass over {@code rows} rows of {@code maxSequences} sequences takes, about. */
    static long bytes(ModelConfig c, int rows, int maxSequences) {
        long row = 8L * c.hidden()
                + 5L * Math.max(c.qkvDim(0), Math.max(c.queryDim(0), c.mlp()))
                + 2L * c.queryDim(0)
                + 3L * c.kvDim(0)
                + 1024;
        long sequence = (long) c.heads() * (4L * c.maxPositions() + 8L * MOST_SPLITS + 8L * c.headDim() + 8)
                + c.maxPositions() / 8;
        return padded(rows) * row
                + DeviceTrace.bytes(new TraceLayout(c), padded(rows), maxSequences)
                + maxSequences * sequence
                + 8L * LOGITS_AT_ONCE * c.vocab()
                + Products.workingBytes();
    }

    @Override
    public LoadedModel model() {
        return model;
    }

    @Override
    public String name() {
        return cuda.name() + ", CUDA";
    }

    @Override
    public KvCache pages(int most) {
        cuda.makeCurrent();
        long page = KvCache.pageBytes(config);
        long slab = cuda.allocate(most * page);
        int[] made = new int[1];
        return new KvCache(most, () -> MemorySegment.ofAddress(slab + page * made[0]++), () -> {
            cuda.makeCurrent();
            cuda.free(slab);
        });
    }

    /** Has every kernel timed from now on, without graphs. */
    void timeBy(KernelTimes by) {
        times = by;
        main.timeBy(by);
        trace.timeBy(by);
    }

    @Override
    public boolean leavesProcessorsIdle() {
        return true;
    }

    /** Time of the calling thread: the device's own is not CPU time. */
    @Override
    public long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    @Override
    public void run(List<Segment> segments, int[] tokens, LogitsRequests choices) {
        cuda.makeCurrent();
        DeviceBatch batch = new DeviceBatch(segments, choices);
        long used = fill(batch, tokens);
        cuda.upload(stream, deviceInputs, inputs.asSlice(0, used));
        main.apart();
        boolean graph = batch.onlyDecodes() && times == null;
        if (times != null) {
            times.hold(main);
        }
        if (graph) {
            launchGraph(batch);
        } else {
            layers(batch);
            trace.finish(batch);
        }
        int from = 0;
        do {
            int n = Math.min(LOGITS_AT_ONCE, choices.count() - from);
            if (n > 0 && !graph) {
                answer(from, n, batch.all);
            }
            if (from == 0) {
                trace.takeDigests(batch, graph);
            }
            takeAnswers(batch, from, n);
            from += n;
        } while (from < choices.count());
        if (downAnswers.get(JAVA_INT, 0) != 0) {
            throw new ArithmeticException("A number overflows; the model cannot be run exactly on this input.");
        }
        if (times != null) {
            trace.await();
            times.collect();
        }
        trace.putDigests(batch);
    }

    /** Lays out what goes up; returns its length in bytes. */
    private long fill(DeviceBatch batch, int[] tokens) {
        int shared = config.heads() / config.kvHeads();
        int tileTokens = (isHopperAttention() ? HOPPER_TILE : TILE) / shared;
        long list = listsAt;
        boolean leading = true;
        for (int s = 0; s < batch.segments.size(); s++) {
            Segment segment = batch.segments.get(s);
            if (batch.rows + segment.count() > capacity || s == maxSequences) {
                throw new IllegalArgumentException(
                        "A batch of more than " + capacity + " rows or " + maxSequences + " sequences.");
            }
            int needed = KvCache.pagesFor(segment.first() + segment.count());
            for (int p = 0; p < needed; p++) {
                inputs.set(JAVA_LONG, list + 8L * p, segment.cache().page(p).address());
            }
            for (int i = 0; i < segment.count(); i++) {
                int row = batch.rows + i;
                set(row, tokens[row]);
                set(positionsAt + row, segment.first() + i);
                inputs.set(JAVA_LONG, tablesAt + 8L * row, deviceInputs + list);
            }
            leading &= segment.count() == 1;
            if (leading) {
                batch.decoding++;
                batch.longest = Math.max(batch.longest, segment.first() + 1);
            } else {
                for (int i = 0; i < segment.count(); i += tileTokens) {
                    set(tileFirstAt + batch.tiles, batch.rows + i);
                    set(tileCountAt + batch.tiles++, Math.min(tileTokens, segment.count() - i));
                }
            }
            batch.rows += segment.count();
            list += 8L * needed;
            if (segment.trace() != null) {
                MemorySegment.copy(MemorySegment.ofArray(segment.trace().key()), 0, inputs, 4L * keyAt, 4L * KEY_WORDS);
                batch.trace = true;
                batch.copy |= segment.trace().wantsCopy();
            }
        }
        for (int i = 0; i < batch.choices.count(); i++) {
            int asked = batch.choices.asked(i);
            batch.all |= asked == LogitsRequests.ALL;
            set(askedAt + i, Math.max(asked, LogitsRequests.BEST));
            set(choosingAt + i, batch.choices.row(i));
        }
        batch.isShort = batch.onlyDecodes() && batch.longest <= Kernels.SHORT_CONTEXT && takesShort();
        return list;
    }

    private void set(int index, int value) {
        inputs.set(JAVA_INT, 4L * index, value);
    }

    private long input(int index) {
        return deviceInputs + 4L * index;
    }

    private void launchGraph(DeviceBatch batch) {
        Graph key = new Graph(batch.rows, batch.all, batch.trace, batch.isShort);
        CUgraphExec_st graph = graphs.get(key);
        if (graph == null) {
            graph = record(batch);
            graphs.put(key, graph);
        }
        cuda.launch(graph, stream);
    }

    private CUgraphExec_st record(DeviceBatch batch) {
        cuda.beginCapture(stream);
        main.apart();
        try {
            layers(batch);
            trace.finish(batch);
            answer(0, batch.rows, batch.all);
            trace.join(batch);
        } catch (RuntimeException e) {
            cuda.abandonCapture(stream);
            throw e;
        }
        return owned.own(cuda.endCapture(stream));
    }

    private void layers(DeviceBatch batch) {
        int rows = batch.rows;
        int hidden = config.hidden();
        cuda.clear(stream, status, 4);
        main.apart();
        main.kernel("embed_rows")
                .with(input(0))
                .with(weights.embedding())
                .with(weights.embeddingType())
                .with(config.hidden())
                .with(h)
                .run(rows, 1, 256);
        for (int l = 0; l < config.layers(); l++) {
            DeviceWeights.Layer w = weights.layer(l);
            norm(rows, 0, w.attentionGain(), most, 1);
            products.store(main, x, rows, w.qkv(), config.qkvDim(0), hidden, work);
            if (batch.isShort) {
                attendShort(batch, l, w);
                quantizeKnown(high, config.queryDim(0), rows);
            } else {
                splitHeads(rows, l, w);
                if (batch.trace) {
                    trace.layer(batch, l);
                }
                attend(batch, l);
            }
            products.residual(main, x, rows, w.out(), hidden, config.queryDim(0), scale, w.outScale(), h);
            norm(rows, 0, w.mlpGain(), most, 1);
            products.gate(main, x, rows, w.gateUp(), config.mlp(), hidden, scale, w.gateUpScale(), work, most);
            quantizeKnown(work, config.mlp(), rows);
            products.residual(main, x, rows, w.down(), hidden, config.mlp(), scale, w.downScale(), h);
        }
    }

    private void norm(int rows, long index, long gain, long zero, int zeroWords) {
        main.kernel("norm_quantize")
                .with(h)
                .with(index)
                .with(gain)
                .with(config.hidden())
                .with(config.eps())
                .with(x)
                .with(scale)
                .with(zero)
                .with(zeroWords)
                .with(status)
                .run(rows, 1, 256);
    }

    private void quantizeKnown(long from, int n, int rows) {
        main.kernel("quantize_known")
                .with(from)
                .with(most)
                .with(n)
                .with(x)
                .with(scale)
                .with(status)
                .run((n + 1023) / 1024, rows, 256);
    }

    private long layerAt(int l) {
        return l * KvCache.layerBytes(config, l);
    }

    /** Arguments that heads are made from. */
    private Launcher withProducts(Launcher to, DeviceWeights.Layer w) {
        return to.with(work)
                .with(scale)
                .with(w.qkvScale())
                .with(w.qkvBias())
                .with(w.queryGain())
                .with(w.keyGain())
                .with(config.eps())
                .with(weights.cos())
                .with(weights.sin());
    }

    private void splitHeads(int rows, int l, DeviceWeights.Layer w) {
        withProducts(main.kernel(config.headDim() <= 128 ? "split_heads_128" : "split_heads_256"), w)
                .with(input(positionsAt))
                .with(config.heads())
                .with(config.kvHeads())
                .with(config.headDim())
                .with(q)
                .with(sq)
                .with(k)
                .with(sk)
                .with(v)
                .with(sv)
                .with(deviceInputs + tablesAt)
                .with(layerAt(l))
                .with(status)
                .run((config.heads() + 2 * config.kvHeads() + SPLIT_HEADS - 1) / SPLIT_HEADS, rows, 256);
    }

    private boolean isHopperAttention() {
        return products.way() == Products.Way.WGMMA && config.headDim() <= 128 && config.headDim() % 16 == 0;
    }

    private void attend(DeviceBatch batch, int l) {
        if (batch.decoding > 0) {
            decode(batch.decoding, l);
        }
        int rest = batch.rows - batch.decoding;
        if (rest > 0) {
            int size = config.headDim() <= 64 ? 64 : config.headDim() <= 128 ? 128 : 256;
            boolean isHopper = isHopperAttention();
            withCache(
                            main.kernel((isHopper ? "attend_hopper_" : "attend_tiles_") + size)
                                    .with(q)
                                    .with(sq),
                            l)
                    .with(input(tileFirstAt))
                    .with(input(tileCountAt))
                    .with(work)
                    .with(status)
                    .run(
                            config.kvHeads(),
                            batch.tiles,
                            1,
                            isHopper ? 256 : 128,
                            isHopper ? Kernels.hopperAttentionShared(size) : Kernels.attentionShared(size));
            long first = batch.decoding;
            main.kernel("quantize_rows")
                    .with(work + 4 * first * config.queryDim(0))
                    .with(config.queryDim(0))
                    .with(x + first * config.queryDim(0))
                    .with(scale + 4 * first)
                    .with(status)
                    .run(rest, 1, 256);
        }
    }

    /** What all attention takes: where layer {@code l} of every row's keys and values is, and the heads' shape. */
    private Launcher withCache(Launcher to, int l) {
        return to.with(deviceInputs + tablesAt)
                .with(layerAt(l))
                .with(input(positionsAt))
                .with(1f / (float) Math.sqrt(config.headDim()))
                .with(config.heads())
                .with(config.kvHeads())
                .with(config.headDim());
    }

    /** What decoding attention hands from kernel to kernel. */
    private Launcher withSums(Launcher to) {
        return to.with(scores)
                .with(stride)
                .with(splitMost)
                .with(splitScale)
                .with(den)
                .with(high)
                .with(low);
    }

    /** Blocks that decoding attention has for a row. */
    private int groups() {
        int shared = config.heads() / config.kvHeads();
        return config.kvHeads() * ((shared + HEADS_AT_ONCE - 1) / HEADS_AT_ONCE);
    }

    /** Whether the heads' shape is one that {@code attend_short_*} takes. */
    private boolean takesShort() {
        return config.headDim() % 16 == 0 && config.hidden() % 4 == 0;
    }

    /** From the products of {@code qkv} to attention's output, in {@link #high}. */
    private void attendShort(DeviceBatch batch, int l, DeviceWeights.Layer w) {
        int shared = config.heads() / config.kvHeads();
        int threads = groups() * batch.rows < multiprocessors ? MOST_SHORT_THREADS : SHORT_THREADS;
        withCache(withProducts(main.kernel(Kernels.shortAttention(shared, config.headDim())), w), l)
                .with(h)
                .with(config.hidden())
                .with(layout.recordBytes(0))
                .with(layout.stepBytes())
                .with(batch.trace ? trace.stepRecord(l) : 0)
                .with(high)
                .with(most)
                .with(status)
                .run(1, groups(), batch.rows, threads, Kernels.shortAttentionShared(shared, threads));
    }

    private void decode(int rows, int l) {
        int groups = groups();
        int splits = Math.max(1, Math.min(MOST_SPLITS, 4 * multiprocessors / (groups * rows)));
        withSums(withCache(main.kernel("attend_scores").with(q).with(sq), l)).run(splits, groups, rows, 128, 0);
        withSums(withCache(main.kernel("attend_values").with(sq), l))
                .with(status)
                .run(splits, groups, rows, 128, 0);
        main.kernel("attend_finish")
                .with(splitScale)
                .with(splits)
                .with(input(positionsAt))
                .with(den)
                .with(high)
                .with(low)
                .with(config.heads())
                .with(config.headDim())
                .with(x)
                .with(scale)
                .with(status)
                .run(rows, 1, 1, 256, 4 * config.heads());
    }

    /** Logits after {@code n} choosing rows from {@code from}. */
    private void answer(int from, int n, boolean all) {
        int vocab = config.vocab();
        norm(n, input(choosingAt + from), weights.finalGain(), best, 2);
        products.store(main, x, n, weights.output(), vocab, config.hidden(), logitProducts);
        main.kernel("find_logits")
                .with(logitProducts)
                .with(scale)
                .with(weights.outputScale())
                .with(vocab)
                .with(all ? logits : 0)
                .with(best)
                .with(status)
                .run((vocab + 1023) / 1024, n, 256);
        main.kernel("answer_rows")
                .with(logitProducts)
                .with(scale)
                .with(weights.outputScale())
                .with(vocab)
                .with(input(askedAt + from))
                .with(best)
                .with(h)
                .with(input(choosingAt + from))
                .with(config.hidden())
                .with(layout.tailFloats())
                .with(token)
                .with(logit)
                .with(tails)
                .run(n, 1, 128);
    }

    /**
     * Waits, and brings down what {@code n} rows from {@code from} asked for, if any did, and whether all numbers
     * were finite.
     */
    private void takeAnswers(DeviceBatch batch, int from, int n) {
        LogitsRequests choices = batch.choices;
        int vocab = config.vocab();
        int tail = layout.tailFloats();
        cuda.download(stream, downAnswers.asSlice(0, TAILS_AT + 4L * n * tail), status);
        main.apart();
        for (int i = 0; i < n; i++) {
            if (choices.asked(from + i) == LogitsRequests.ALL) {
                cuda.download(stream, downLogits.asSlice(4L * i * vocab, 4L * vocab), logits + 4L * i * vocab);
            }
        }
        cuda.await(stream);
        for (int i = 0; i < n; i++) {
            if (choices.asked(from + i) == LogitsRequests.ALL) {
                int at = choices.logitsAt(from + i);
                MemorySegment.copy(downLogits, JAVA_FLOAT, 4L * i * vocab, choices.logits(), at, vocab);
            }
            choices.answer(
                    from + i,
                    downAnswers.get(JAVA_INT, TOKEN_AT + 4L * i),
                    downAnswers.get(JAVA_FLOAT, LOGIT_AT + 4L * i));
            long at = TAILS_AT + 4L * i * tail;
            MemorySegment.copy(downAnswers, JAVA_FLOAT, at, choices.tails(), choices.tailAt(from + i), tail);
        }
    }

    @Override
    public void close() {
        cuda.makeCurrent();
        try {
            cuda.await(stream);
            trace.await();
        } finally {
            owned.close();
        }
    }
}
