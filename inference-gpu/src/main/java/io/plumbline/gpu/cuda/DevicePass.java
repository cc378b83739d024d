package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.hardware.HardwareProfile;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.engine.LogitsRequests;
import io.plumbline.inference.language.engine.Segment;
import io.plumbline.inference.language.engine.TraceWriter;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceHasher;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUevent_st;
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
    private static final int LOGITS_AT_ONCE = 64;

    /** Where, behind the status, tokens stand, their logits, and the residuals of each row's last chunk; in bytes. */
    private static final long TOKEN_AT = 16;

    private static final long LOGIT_AT = TOKEN_AT + 4L * LOGITS_AT_ONCE;
    private static final long TAILS_AT = LOGIT_AT + 4L * LOGITS_AT_ONCE;

    /** Rows of a tile of attention, heads that share a kv head counted one by one. */
    private static final int TILE = 64;

    /** The same of Hopper's own kernel: two groups of warps share a page's keys. */
    private static final int HOPPER_TILE = 128;

    /** Query heads that a block of decoding attention takes. */
    private static final int HEADS_AT_ONCE = 8;

    private static final int MOST_SPLITS = 64;

    /** Heads that a block of {@code split_heads} takes. */
    private static final int SPLIT_HEADS = 8;

    /** A grid's y and z, where rows stand, go no further. */
    private static final int MOST_ROWS = HardwareProfile.MOST_ROWS;

    private static final int PAGE = KvCache.TOKENS;
    private static final int KEYED_HASH = 16;
    private static final int KEY_WORDS = 8;
    private static final int CHUNK = 1024;

    /** Layers whose records are there at once: being written, being hashed, and waiting for that. */
    private static final int TURNS = 3;

    /** Rows from which on records are hashed between the layers. */
    private static final int MOST_BESIDE = 256;

    /** Bytes of a record that a block copies. */
    private static final int TRACE_BYTES = 8192;

    /** Keys of a context that one block of {@code attend_short_*} takes. */
    private static final int SHORT_CONTEXT = 1024;

    /** Bytes of dynamic shared memory that such a block takes at most. */
    static final int MOST_SHORT_SHARED = 4 * SHORT_CONTEXT * HEADS_AT_ONCE;

    /** Threads of such a block: more where there are fewer blocks than multiprocessors. */
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
    private final int stepChunks;
    private final int tailChunks;
    private final int digestWords;
    private final int multiprocessors;

    private final CUstream_st stream;
    private final CUstream_st hashStream;
    private final Launcher main;
    private final Launcher side;
    private final CUevent_st[] recordsWritten = new CUevent_st[TURNS];
    private final CUevent_st[] recordsHashed = new CUevent_st[TURNS];
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
    private final long[] records = new long[TURNS];
    private final long stepRecords;
    private final long cvs;
    private final long digests;
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
    private final MemorySegment downDigests;
    private final MemorySegment downAnswers;
    private final MemorySegment downLogits;
    private final MemorySegment downRecords;
    private final int[] digest;

    /** What a recorded graph depends on. */
    private record Graph(int rows, boolean logits, boolean trace, boolean isShort) {}

    /** One batch, while it runs. */
    private final class Batch {
        private final List<Segment> segments;
        private final LogitsRequests choices;
        private int rows;
        private int decoding;
        private int tiles;
        private int longest;
        private boolean trace;
        private boolean copy;
        private boolean all;

        Batch(List<Segment> segments, LogitsRequests choices) {
            this.segments = segments;
            this.choices = choices;
        }

        /**
         * Whether records are hashed beside the layers, which hides how long a chunk takes. Blocks of many rows would
         * take the layers' places, which would wait for them longer than behind them.
         */
        boolean hashesBeside() {
            return rows < MOST_BESIDE;
        }

        /** Whether it can be launched as a graph: one row a sequence, each choosing. */
        boolean onlyDecodes() {
            return decoding == rows && choices.count() == rows && rows <= LOGITS_AT_ONCE && !copy;
        }

        /** Whether one kernel does all of its attention, and writes its records, which are hashed after the last. */
        boolean isShort() {
            return onlyDecodes() && longest <= SHORT_CONTEXT && takesShort();
        }
    }

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
        this.stepChunks = layout.stepChunks();
        this.tailChunks = layout.tailChunks();
        this.digestWords = TraceHasher.digestWords(layout);
        this.digest = new int[digestWords];
        if (capacity > MOST_ROWS) {
            throw new IllegalArgumentException(
                    "A batch of " + capacity + " rows; a grid has " + MOST_ROWS + " at most.");
        }
        cuda.makeCurrent();
        this.owned = new Owned(cuda);
        try {
            this.multiprocessors = cuda.multiprocessors();
            this.stream = owned.stream();
            // Its blocks are few and the layers' are many: behind those they would come so late that the layers wait
            // for
            // the room of their records.
            this.hashStream = owned.urgentStream();
            this.main = owned.launcher(stream);
            this.products = products.in(cuda, owned, stream);
            if (cuda.overlapsKernels()) {
                main.overlap();
            }
            this.side = owned.launcher(hashStream);
            for (int i = 0; i < TURNS; i++) {
                recordsWritten[i] = owned.event();
                recordsHashed[i] = owned.event();
            }
            long n = capacity;
            int decode = this.maxSequences;
            this.stride = KvCache.pagesFor(config.maxPositions()) * PAGE;
            this.h = owned.allocate(4 * n * config.hidden());
            this.x = owned.allocate(n * Math.max(config.hidden(), Math.max(config.queryDim(), config.mlp())));
            this.scale = owned.allocate(4 * n);
            this.work = owned.allocate(4 * n * Math.max(config.qkvDim(), Math.max(config.queryDim(), config.mlp())));
            this.q = owned.allocate(2 * n * config.queryDim());
            this.sq = owned.allocate(4 * n * config.heads());
            this.k = owned.allocate(2 * n * config.kvDim());
            this.sk = owned.allocate(4 * n * config.kvHeads());
            this.v = owned.allocate(n * config.kvDim());
            this.sv = owned.allocate(4 * n * config.kvHeads());
            this.most = owned.allocate(4 * n);
            long heads = (long) decode * config.heads();
            this.scores = owned.allocate(4 * heads * stride);
            this.splitMost = owned.allocate(4 * heads * MOST_SPLITS);
            this.splitScale = owned.allocate(4 * heads * MOST_SPLITS);
            this.den = owned.allocate(8 * heads);
            this.high = owned.allocate(4 * heads * config.headDim());
            this.low = owned.allocate(4 * heads * config.headDim());
            long record = Math.max(layout.recordBytes(), layout.finalBytes());
            this.stepRecords = owned.allocate(recordRoom(layout, capacity, this.maxSequences));
            for (int i = 0; i < TURNS; i++) {
                records[i] = stepRecords + i * n * record;
            }
            this.cvs = owned.allocate(n * stepChunks * 4L * KEY_WORDS);
            this.digests = owned.allocate(4 * n * digestWords);
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
            this.downDigests = owned.pinned(4L * capacity * digestWords);
            this.downAnswers = owned.pinned(TOKEN_AT + answers);
            this.downLogits = owned.pinned(4L * LOGITS_AT_ONCE * config.vocab());
            this.downRecords = owned.pinned(n * record);
        } catch (RuntimeException e) {
            owned.closeAfter(e);
            throw e;
        }
    }

    /** Bytes for the records of some layers of a batch, or of all layers where each row decodes. */
    private static long recordRoom(TraceLayout layout, int rows, int maxSequences) {
        long some = (long) TURNS * rows * Math.max(layout.recordBytes(), layout.finalBytes());
        return Math.max(some, (long) Math.min(maxSequences, LOGITS_AT_ONCE) * layout.stepBytes());
    }

    /** Whole slices of rows: the last of a product may read, not use, rows behind those it was given. */
    private static int padded(int rows) {
        return (rows + Products.GEMV_ROWS - 1) / Products.GEMV_ROWS * Products.GEMV_ROWS;
    }

    /** Device memory that a pass over {@code rows} rows of {@code maxSequences} sequences takes, about. */
    static long bytes(ModelConfig c, int rows, int maxSequences) {
        TraceLayout layout = new TraceLayout(c);
        long row = 8L * c.hidden()
                + 5L * Math.max(c.qkvDim(), Math.max(c.queryDim(), c.mlp()))
                + 2L * c.queryDim()
                + 3L * c.kvDim()
                + layout.stepBytes() / 32
                + 4L * TraceHasher.digestWords(layout)
                + 1024;
        long sequence = (long) c.heads() * (4L * c.maxPositions() + 8L * MOST_SPLITS + 8L * c.headDim() + 8)
                + c.maxPositions() / 8;
        return padded(rows) * row
                + recordRoom(layout, padded(rows), maxSequences)
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
        side.timeBy(by);
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
        Batch batch = new Batch(segments, choices);
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
            finishTrace(batch);
        }
        int from = 0;
        do {
            int n = Math.min(LOGITS_AT_ONCE, choices.count() - from);
            if (n > 0 && !graph) {
                answer(from, n, batch.all);
            }
            if (from == 0) {
                takeDigests(batch, graph);
            }
            takeAnswers(batch, from, n);
            from += n;
        } while (from < choices.count());
        if (downAnswers.get(JAVA_INT, 0) != 0) {
            throw new ArithmeticException("A number overflows; the model cannot be run exactly on this input.");
        }
        if (times != null) {
            cuda.await(hashStream);
            times.collect();
        }
        putDigests(batch);
    }

    /** Lays out what goes up; returns its length in bytes. */
    private long fill(Batch batch, int[] tokens) {
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
        return list;
    }

    private void set(int index, int value) {
        inputs.set(JAVA_INT, 4L * index, value);
    }

    private long input(int index) {
        return deviceInputs + 4L * index;
    }

    private void launchGraph(Batch batch) {
        Graph key = new Graph(batch.rows, batch.all, batch.trace, batch.isShort());
        CUgraphExec_st graph = graphs.get(key);
        if (graph == null) {
            graph = record(batch);
            graphs.put(key, graph);
        }
        cuda.launch(graph, stream);
    }

    private CUgraphExec_st record(Batch batch) {
        cuda.beginCapture(stream);
        main.apart();
        try {
            layers(batch);
            finishTrace(batch);
            answer(0, batch.rows, batch.all);
            joinTrace(batch);
        } catch (RuntimeException e) {
            cuda.abandonCapture(stream);
            throw e;
        }
        return owned.own(cuda.endCapture(stream));
    }

    private void layers(Batch batch) {
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
            products.store(main, x, rows, w.qkv(), config.qkvDim(), hidden, work);
            if (batch.isShort()) {
                attendShort(batch, l, w);
                quantizeKnown(high, config.queryDim(), rows);
            } else {
                splitHeads(rows, l, w);
                if (batch.trace) {
                    trace(batch, l);
                }
                attend(batch, l);
            }
            products.residual(main, x, rows, w.out(), hidden, config.queryDim(), scale, w.outScale(), h);
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
        return l * KvCache.layerBytes(config);
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

    private void attend(Batch batch, int l) {
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
                    .with(work + 4 * first * config.queryDim())
                    .with(config.queryDim())
                    .with(x + first * config.queryDim())
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

    /** For the heads that share a kv head, and their channels: the smaller one has more blocks a multiprocessor. */
    static String shortKernel(int shared, int size) {
        return shared <= 4 && size <= 128 ? "attend_short_4" : "attend_short_8";
    }

    /** Dynamic shared memory of {@code attend_short_*}, in bytes. */
    static int shortShared(int heads, int kvHeads, int threads) {
        return Math.max(4 * SHORT_CONTEXT * Math.min(HEADS_AT_ONCE, heads / kvHeads), threads / 32 * 1024);
    }

    /** From the products of {@code qkv} to attention's output, in {@link #high}. */
    private void attendShort(Batch batch, int l, DeviceWeights.Layer w) {
        int threads = groups() * batch.rows < multiprocessors ? MOST_SHORT_THREADS : SHORT_THREADS;
        withCache(withProducts(main.kernel(shortKernel(config.heads() / config.kvHeads(), config.headDim())), w), l)
                .with(h)
                .with(config.hidden())
                .with(layout.recordBytes())
                .with(layout.stepBytes())
                .with(batch.trace ? stepRecords + (long) l * layout.recordBytes() : 0)
                .with(high)
                .with(most)
                .with(status)
                .run(1, groups(), batch.rows, threads, shortShared(config.heads(), config.kvHeads(), threads));
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

    /**
     * Records of layer {@code l}: hashed where their parts are before what follows overwrites them, or, beside what
     * follows or to come down, from a copy.
     */
    private void trace(Batch batch, int l) {
        int turn = l % TURNS;
        if (!batch.hashesBeside() && !batch.copy) {
            int chunks = layout.recordBytes() / CHUNK;
            hashChunks(withParts(main.kernel("hash_rows")), batch, chunks, l * chunks);
            return;
        }
        if (l >= TURNS && batch.hashesBeside()) {
            await(recordsHashed[turn]);
        }
        withParts(main.kernel("trace_records"))
                .with(layout.recordBytes())
                .with(records[turn])
                .run((layout.recordBytes() + TRACE_BYTES - 1) / TRACE_BYTES, batch.rows, 128);
        hash(batch, l, layout.recordBytes());
    }

    /** The parts of a layer's records, in their order. */
    private Launcher withParts(Launcher to) {
        return to.with(h)
                .with(k)
                .with(v)
                .with(sk)
                .with(sv)
                .with(config.hidden())
                .with(config.kvDim())
                .with(config.kvHeads());
    }

    /** Launches a kernel that knows where records are: {@code chunks} of every row, from its step's {@code first}. */
    private void hashChunks(Launcher to, Batch batch, int chunks, int first) {
        to.with(batch.rows)
                .with(chunks)
                .with(input(positionsAt))
                .with(stepChunks)
                .with(first)
                .with(input(keyAt))
                .with(KEYED_HASH)
                .with(cvs)
                .run((batch.rows * chunks + 127) / 128, 1, 128);
    }

    private void finishTrace(Batch batch) {
        if (!batch.trace) {
            return;
        }
        int last = config.layers();
        if (batch.isShort()) {
            beginHashing(batch, last % TURNS);
            finalRecords(hasher(batch), batch, layout.stepBytes(), stepRecords + (long) last * layout.recordBytes());
            hash(batch, last, stepRecords, stepChunks, 0);
        } else {
            if (last >= TURNS && batch.hashesBeside()) {
                await(recordsHashed[last % TURNS]);
            }
            finalRecords(main, batch, layout.finalBytes(), records[last % TURNS]);
            hash(batch, last, layout.finalBytes());
        }
        hasher(batch)
                .kernel("reduce_subtrees")
                .with(cvs)
                .with(input(positionsAt))
                .with(stepChunks)
                .with(tailChunks)
                .with(input(keyAt))
                .with(KEYED_HASH)
                .with(digestWords)
                .with(digests)
                .run(digestWords / KEY_WORDS, batch.rows, 32);
        if (batch.hashesBeside()) {
            cuda.record(recordsHashed[last % TURNS], hashStream);
        }
    }

    /** @param stride from a row's record to the next, in bytes. */
    private void finalRecords(Launcher to, Batch batch, long stride, long at) {
        to.kernel("final_records")
                .with(h)
                .with(input(0))
                .with(config.hidden())
                .with(layout.finalBytes())
                .with(stride)
                .with(at)
                .run(batch.rows, 1, 128);
    }

    private Launcher hasher(Batch batch) {
        return batch.hashesBeside() ? side : main;
    }

    /** Has the layers' stream wait for {@code event}. */
    private void await(CUevent_st event) {
        cuda.await(stream, event);
        main.apart();
    }

    /** Has the layers' stream wait for the digests: as late as may be, for the output matrix takes longer. */
    private void joinTrace(Batch batch) {
        if (batch.trace && batch.hashesBeside()) {
            await(recordsHashed[config.layers() % TURNS]);
        }
    }

    private void takeDigests(Batch batch, boolean isJoined) {
        if (!batch.trace) {
            return;
        }
        if (!isJoined) {
            joinTrace(batch);
        }
        cuda.download(stream, downDigests.asSlice(0, 4L * batch.rows * digestWords), digests);
        main.apart();
    }

    private void hash(Batch batch, int l, int bytes) {
        int turn = l % TURNS;
        if (batch.copy) {
            copyRecords(batch, l, bytes);
        }
        hash(batch, l, records[turn], bytes / CHUNK, l * (layout.recordBytes() / CHUNK));
    }

    /** {@code chunks} of every row, one row's after the other's, the first of them number {@code first} of its step. */
    private void hash(Batch batch, int l, long from, int chunks, int first) {
        int turn = l % TURNS;
        beginHashing(batch, turn);
        hashChunks(hasher(batch).kernel("hash_records").with(from), batch, chunks, first);
        if (batch.hashesBeside()) {
            cuda.record(recordsHashed[turn], hashStream);
        }
    }

    /** Where that is a stream of its own, it waits for what the layers have written so far. */
    private void beginHashing(Batch batch, int turn) {
        if (batch.hashesBeside()) {
            cuda.record(recordsWritten[turn], stream);
            cuda.await(hashStream, recordsWritten[turn]);
        }
    }

    /** To answer a challenge a whole trace is wanted: its records come down as they are written. */
    private void copyRecords(Batch batch, int l, int bytes) {
        MemorySegment down = downRecords.asSlice(0, (long) batch.rows * bytes);
        cuda.download(stream, down, records[l % TURNS]);
        cuda.await(stream);
        main.apart();
        int row = 0;
        for (Segment segment : batch.segments) {
            for (int i = 0; i < segment.count(); i++, row++) {
                if (segment.trace() != null && segment.trace().wantsCopy()) {
                    segment.trace().put(segment.first() + i, l, down, (long) row * bytes);
                }
            }
        }
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
    private void takeAnswers(Batch batch, int from, int n) {
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

    private void putDigests(Batch batch) {
        int row = 0;
        for (Segment segment : batch.segments) {
            TraceWriter trace = segment.trace();
            for (int i = 0; i < segment.count(); i++, row++) {
                if (trace != null) {
                    MemorySegment.copy(downDigests, JAVA_INT, 4L * row * digestWords, digest, 0, digestWords);
                    trace.putDigest(segment.first() + i, digest, 0);
                }
            }
        }
    }

    @Override
    public void close() {
        cuda.makeCurrent();
        try {
            cuda.await(stream);
            cuda.await(hashStream);
        } finally {
            owned.close();
        }
    }
}
