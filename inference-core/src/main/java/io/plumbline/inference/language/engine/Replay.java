package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Counts;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.ModelTokenizer;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * An answer computed again, by one prefill, to answer a challenge or to check it: exactness makes the second run the
 * first one. A cell's opening is that layer run once more over the cell's tokens, with keys and values taken from the
 * trace.
 */
public final class Replay implements OpeningSource, AutoCloseable {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int[] FIRST = {0};

    private final ForwardPass forward;
    private final LoadedModel model;
    private final ModelConfig config;
    private final AnswerView view;
    private final TraceLayout layout;
    private final KvPageLayout pageLayout;
    private final TraceStore store;
    private final MemorySegment trace;
    private final ChainingValues tree;
    private final byte[] root;

    /**
     * Runs the answer again.
     *
     * @param generator runs the whole answer.
     * @param forward runs single layers over a cell's tokens, in time small beside that.
     * @param node public key under which the trace was committed.
     * @param folder where a long trace is kept, until this is closed.
     * @throws IOException where there is no room for it.
     */
    public static Replay of(
            Generator generator, ForwardPass forward, Bytes32 node, Request request, int[] output, Path folder)
            throws IOException {
        AnswerView view = new AnswerView(forward.model().manifest(), node, request.promptTokens(), output);
        TraceStore store = TraceStore.of(folder, bytes(view), view.layout().stateBytes(view.length()));
        try {
            return new Replay(forward, view, store, copy -> generator.replay(request, output, copy));
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /** With the trace in memory: for answers of which it is known to be short. */
    public Replay(Generator generator, ForwardPass forward, Bytes32 node, Request request, int[] output) {
        this(
                forward,
                new AnswerView(forward.model().manifest(), node, request.promptTokens(), output),
                copy -> generator.replay(request, output, copy));
    }

    private Replay(ForwardPass forward, AnswerView view, Consumer<TraceStore> compute) {
        this(forward, view, TraceStore.inMemory(view.layout(), view.length()), compute);
    }

    private static long bytes(AnswerView view) {
        return view.layout().traceBytes(view.length());
    }

    /** Of a trace that {@code compute} writes; a test may have it write another than an honest node would. */
    Replay(ForwardPass forward, AnswerView view, TraceStore store, Consumer<TraceStore> compute) {
        this.forward = forward;
        this.pageLayout = new KvPageLayout(forward.model().config());
        this.model = forward.model();
        this.config = model.config();
        this.view = view;
        this.layout = view.layout();
        this.store = store;
        this.trace = store.bytes();
        compute.accept(store);
        this.tree = ChainingValues.of(view.traceKey(), trace);
        this.root = tree.root();
    }

    /** The root of the trace as computed now. */
    public byte[] root() {
        return root.clone();
    }

    /** Level REPLAYED: what needs no opening, then the answer once more from its request: its tokens and one hash. */
    public static AuditReport audit(
            LoadedModel model, ModelTokenizer tokenizer, Receipt receipt, Request request, Answer answer) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Failure failure = ReceiptCheck.check(receipt, request, answer, model.id(), model.config());
        if (failure == null) {
            failure = TextCheck.prompt(request, model.config(), tokenizer);
        }
        if (failure == null) {
            failure = TextCheck.answer(request, answer, model.config(), tokenizer);
        }
        if (failure == null) {
            Generator.Result again;
            try (ForwardPass forward = new ForwardPass(model)) {
                again = new Generator(forward, receipt.node())
                        .generate(ChoiceRule.of(request, tokenizer::vocabulary), answer.tokens().length, token -> {});
            }
            int at = Arrays.mismatch(again.tokens(), answer.tokens());
            if (at >= 0) {
                failure = Failure.of(Step.REPLAY, "re-execution gives other tokens from " + at + " on");
            } else if (!Arrays.equals(again.traceRoot(), receipt.traceRoot())) {
                failure = Failure.of(Step.REPLAY, "re-execution gives trace root " + Blake3.hex(again.traceRoot()));
            }
        }
        long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin;
        return new AuditReport(Level.REPLAYED, Counts.NONE, cpu, null, failure, null);
    }

    /** Memory that it takes; a trace in a file is not counted. */
    public long memoryBytes() {
        return store.memoryBytes() + tree.keptBytes();
    }

    @Override
    public void close() {
        store.close();
    }

    @Override
    public Opening open(Cell cell) {
        return Opening.of(bytes(cell), null);
    }

    /**
     * The node's signature under an opening.
     *
     * @param bytes of the opening.
     * @param receipt hash of the receipt it belongs to.
     */
    public Seal seal(Cell cell, MemorySegment bytes, byte[] receipt, KeyPair keys) {
        return Seal.of(receipt, OpeningLayout.of(view, cell), bytes, keys);
    }

    /** All bytes of the opening of a cell. */
    public MemorySegment bytes(Cell cell) {
        if (!Cells.contains(view, cell)) {
            throw new IllegalArgumentException(
                    cell + " is not part of this answer, or has more tokens than may be asked for at once.");
        }
        OpeningLayout parts = OpeningLayout.of(view, cell);
        MemorySegment out = MemorySegment.ofArray(new byte[Math.toIntExact(parts.bytes())]);
        put(out, 0, view.traceSlice(cell), tree, trace);
        if (cell.layer() == config.layers()) {
            putChoices(out, parts);
            return out;
        }
        if (view.hasEmbedding(cell)) {
            Slice rows = view.embeddingSlice(cell);
            put(out, parts.embedding(), rows, model.embeddingTree(), model.embeddingBytes());
        }
        if (config.architecture().perLayer() > 0) {
            put(out, parts.perLayer(), view.perLayerSlice(cell), model.perLayerTree(), model.perLayerBytes());
        }
        int first = view.first(cell);
        int end = view.end(cell);
        float[] h = new float[(end - first) * config.hidden()];
        int[] tokens = new int[end - first];
        for (int t = first; t < end; t++) {
            long at = layout.offset(t, cell.layer());
            MemorySegment.copy(trace, FLOAT, at, h, (t - first) * config.hidden(), config.hidden());
            tokens[t - first] = view.token(t);
        }
        KvCache pages = KvCache.ofHost(config, KvCache.pagesFor(config, end));
        try (KvCache.PageTable cache = pages.sequence()) {
            cache.reserve(end);
            if (config.isLinear(cell.layer())) {
                begin(cache, cell, out.asSlice(parts.state()));
            } else {
                fill(cache, cell);
            }
            Segment segment = new Segment(cache, first, end - first, null);
            forward.layer(cell.layer(), segment, new Products(out, parts), h, tokens);
        }
        return out;
    }

    private void putChoices(MemorySegment out, OpeningLayout parts) {
        Cell cell = parts.cell();
        float[] h = new float[config.hidden()];
        int[] products = new int[config.vocab()];
        float[] logits = new float[config.vocab()];
        long at = parts.proof();
        for (int t = Math.max(cell.from(), view.firstChoice()); t < cell.to(); t++) {
            MemorySegment.copy(trace, FLOAT, layout.offset(t, config.layers()), h, 0, config.hidden());
            forward.logits(h, FIRST, 1, products, logits);
            MemorySegment.copy(products, 0, out, INT, at, config.vocab());
            at += 4L * config.vocab();
        }
    }

    private static void put(MemorySegment out, long at, Slice slice, ChainingValues tree, MemorySegment message) {
        byte[] bytes = slice.cut(
                tree,
                (from, target, offset, length) ->
                        MemorySegment.copy(message, from, MemorySegment.ofArray(target), offset, length));
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, out, at, bytes.length);
    }

    /** The state at the beginning of the cell's block, which is opened too. */
    private void begin(KvCache.PageTable cache, Cell cell, MemorySegment opened) {
        int first = view.first(cell);
        if (layout.hasStates(first)) {
            int bytes = config.architecture().delta().stateBytes();
            long at = layout.stateAt(first, cell.layer());
            MemorySegment state = cache.before().layer(config.linearIndex(cell.layer()));
            MemorySegment.copy(store.states(), at, state, 0, bytes);
            MemorySegment.copy(state, 0, opened, 0, bytes);
        }
        cache.before().position(first);
    }

    /** The keys and values that the cell's layer attends to, from the trace. */
    private void fill(KvCache.PageTable cache, Cell cell) {
        int layer = config.kvLayer(cell.layer());
        int kvDim = config.kvDim(layer);
        int heads = config.kvHeads(layer);
        HeadRows row = HeadRows.of(config, 1);
        for (int t = view.firstKey(cell); t < cell.to(); t++) {
            long at = layout.offset(t, layer);
            MemorySegment.copy(trace, SHORT, at + layout.kOffset(), row.k(), 0, kvDim);
            MemorySegment.copy(trace, ValueLayout.JAVA_BYTE, at + layout.vOffset(layer), row.v(), 0, kvDim);
            MemorySegment.copy(trace, FLOAT, at + layout.skOffset(layer), row.sk(), 0, heads);
            MemorySegment.copy(trace, FLOAT, at + layout.svOffset(layer), row.sv(), 0, heads);
            pageLayout.put(cache, layer, t, row, 0);
        }
    }

    /** Copies a layer's integers into the opening as they are computed. */
    private final class Products implements LayerObserver {
        private final MemorySegment out;
        private final OpeningLayout parts;
        private final Cell cell;

        /** Where each token's piece begins, or, of tokens beside the cell, what the proof holds of it. */
        private final long[] starts;

        /** The first of these tokens. */
        private final int first;

        Products(MemorySegment out, OpeningLayout parts) {
            this.out = out;
            this.parts = parts;
            this.cell = parts.cell();
            this.first = view.first(cell);
            this.starts = new long[view.end(cell) - first];
            for (int t = first; t < cell.from(); t++) {
                starts[t - first] = parts.lead() + (t - first) * parts.leadBytes();
            }
            long at = parts.proof();
            for (int t = cell.from(); t < cell.to(); t++) {
                starts[t - first] = at;
                at += parts.tokenBytes(t);
            }
            for (int t = cell.to(); t < first + starts.length; t++) {
                starts[t - first] = parts.tail() + (t - cell.to()) * parts.leadBytes();
            }
        }

        private boolean isInCell(int token) {
            return token >= cell.from() && token < cell.to();
        }

        @Override
        public void products(int layer, Product product, int rows, int width, int[] y, int offset) {
            int each = rows / starts.length;
            for (int i = 0; i < starts.length; i++) {
                if (!isInCell(first + i) && product != Product.QKV && product != Product.DELTA_GATES) {
                    continue;
                }
                OpeningLayout.Token token = parts.token(first + i);
                long at = switch (product) {
                    case QKV -> 0;
                    case DELTA_GATES -> token.gates();
                    case OUT -> token.out();
                    case GATE_UP -> token.gateUp();
                    case DOWN -> token.down();
                    case ROUTER -> token.router();
                    case PER_LAYER_INPUT -> token.perLayerInput();
                    case PER_LAYER_GATE -> token.perLayerGate();
                    case PER_LAYER_OUT -> token.perLayerOut();
                };
                MemorySegment.copy(y, offset + i * each * width, out, INT, starts[i] + at, each * width);
            }
        }

        @Override
        public void expert(int layer, int token, int slot, boolean isDown, int[] y, int offset) {
            if (!isInCell(token)) {
                return;
            }
            OpeningLayout.Token at = parts.token(token);
            int width = isDown
                    ? config.hidden()
                    : 2 * config.architecture().experts().mlp();
            long start = (isDown ? at.expertDown() : at.expertGateUp()) + 4L * width * slot;
            MemorySegment.copy(y, offset, out, INT, starts[token - first] + start, width);
        }

        @Override
        public void scores(int layer, int token, int head, int[] s, int offset, int n) {
            long at = starts[token - first] + parts.token(token).scores() + 4L * head * n;
            MemorySegment.copy(s, offset, out, INT, at, n);
        }

        @Override
        public void sums(int layer, int token, int head, int[] high, int[] low, int offset) {
            int size = config.headDim(layer);
            OpeningLayout.Token at = parts.token(token);
            long start = starts[token - first] + 4L * head * size;
            MemorySegment.copy(high, offset, out, INT, start + at.high(), size);
            MemorySegment.copy(low, offset, out, INT, start + at.low(), size);
        }
    }
}
