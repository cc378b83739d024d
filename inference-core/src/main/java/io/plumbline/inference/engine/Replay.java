package io.plumbline.inference.engine;

import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.CellParts;
import io.plumbline.verifier.audit.Counts;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * An answer computed again, by one prefill, to answer a challenge or to check it: exactness makes the second run the first one. A cell's
 * opening is that layer run once more over the cell's tokens, with keys and values taken from the trace.
 */
public final class Replay implements OpeningSource {
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
    private final PageLayout pageLayout;
    private final MemorySegment trace;
    private final ChainingValues tree;
    private final byte[] root;
    private ChainingValues embeddingTree;

    /**
     * Runs the answer again.
     *
     * @param generator runs the whole answer.
     * @param forward runs single layers over a cell's tokens, in time small beside that.
     * @param node public key under which the trace was committed.
     */
    public Replay(Generator generator, ForwardPass forward, byte[] node, Request request, int[] output) {
        this.forward = forward;
        this.pageLayout = new PageLayout(forward.model().config());
        this.model = forward.model();
        this.config = model.config();
        this.view = new AnswerView(model.manifest(), node, request.promptTokens(), output);
        this.layout = view.layout();
        this.trace = MemorySegment.ofArray(new byte[Math.toIntExact(layout.traceBytes(view.length()))]);
        this.root = generator.replay(request, output, trace);
        this.tree = ChainingValues.of(view.traceKey(), trace);
    }

    /** The root of the trace as computed now. */
    public byte[] root() {
        return root.clone();
    }

    /** Level REPLAYED: the receipt's checks, then one hash. */
    public static AuditReport audit(LoadedModel model, Receipt receipt, Request request, Answer answer) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Failure failure = Auditor.checkReceipt(receipt, request, answer, model.id(), model.config());
        if (failure == null) {
            byte[] root;
            try (ForwardPass forward = new ForwardPass(model)) {
                root = new Generator(forward, receipt.node()).replay(request, answer.tokens(), null);
            }
            if (!Arrays.equals(root, receipt.traceRoot())) {
                failure = Failure.of(Step.REPLAY, "re-execution gives trace root " + Blake3.hex(root));
            }
        }
        long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin;
        return new AuditReport(Level.REPLAYED, Counts.NONE, cpu, failure);
    }

    @Override
    public MemorySegment cell(Cell cell) {
        requireInside(cell.layer() < config.layers() && cell.to() <= view.length(), cell);
        CellParts parts = CellParts.of(view, config, cell);
        MemorySegment out = MemorySegment.ofArray(new byte[Math.toIntExact(parts.bytes())]);
        put(out, 0, view.traceSlice(cell), tree, trace);
        if (cell.layer() == 0) {
            if (embeddingTree == null) {
                embeddingTree = ChainingValues.of(null, model.embeddingBytes());
            }
            put(out, parts.embedding(), view.embeddingSlice(cell), embeddingTree, model.embeddingBytes());
        }
        float[] h = new float[cell.tokens() * config.hidden()];
        for (int t = cell.from(); t < cell.to(); t++) {
            long at = layout.offset(t, cell.layer());
            MemorySegment.copy(trace, FLOAT, at, h, (t - cell.from()) * config.hidden(), config.hidden());
        }
        KeyValuePages pages = KeyValuePages.ofHost(config, KeyValuePages.pagesFor(cell.to()));
        try (KeyValuePages.Sequence cache = pages.sequence()) {
            cache.reserve(cell.to());
            fill(cache, cell);
            Segment segment = new Segment(cache, cell.from(), cell.tokens(), null);
            forward.layer(cell.layer(), segment, new Products(out, parts, cell), h);
        }
        return out;
    }

    private static void requireInside(boolean inside, Object what) {
        if (!inside) {
            throw new IllegalArgumentException(what + " is not part of this answer.");
        }
    }

    private static void put(MemorySegment out, long at, Slice slice, ChainingValues tree, MemorySegment message) {
        byte[] bytes = slice.cut(
                tree,
                (from, target, offset, length) ->
                        MemorySegment.copy(message, from, MemorySegment.ofArray(target), offset, length));
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, out, at, bytes.length);
    }

    /** The keys and values of the cell's layer, from the trace. */
    private void fill(KeyValuePages.Sequence cache, Cell cell) {
        int kvDim = config.kvDim();
        short[] k = new short[kvDim];
        byte[] v = new byte[kvDim];
        float[] sk = new float[config.kvHeads()];
        float[] sv = new float[config.kvHeads()];
        for (int t = 0; t < cell.to(); t++) {
            long at = layout.offset(t, cell.layer());
            MemorySegment.copy(trace, SHORT, at + layout.kOffset(), k, 0, kvDim);
            MemorySegment.copy(trace, ValueLayout.JAVA_BYTE, at + layout.vOffset(), v, 0, kvDim);
            MemorySegment.copy(trace, FLOAT, at + layout.skOffset(), sk, 0, sk.length);
            MemorySegment.copy(trace, FLOAT, at + layout.svOffset(), sv, 0, sv.length);
            pageLayout.put(cache, cell.layer(), t, k, v, 0, sk, sv, 0);
        }
    }

    @Override
    public MemorySegment positions(int from, int to) {
        requireInside(from >= 0 && from < to && to <= view.length(), "positions " + from + " to " + to);
        Slice slice = view.positionSlice(from, to);
        long proof = slice.bytes();
        long size = proof + 4L * view.choices(from, to) * config.vocab();
        MemorySegment out = MemorySegment.ofArray(new byte[Math.toIntExact(size)]);
        put(out, 0, slice, tree, trace);
        float[] h = new float[config.hidden()];
        int[] products = new int[config.vocab()];
        float[] logits = new float[config.vocab()];
        long at = proof;
        for (int t = Math.max(from, view.firstChoice()); t < to; t++) {
            MemorySegment.copy(trace, FLOAT, layout.offset(t, config.layers()), h, 0, config.hidden());
            forward.logits(h, FIRST, 1, products, logits);
            MemorySegment.copy(products, 0, out, INT, at, config.vocab());
            at += 4L * config.vocab();
        }
        return out;
    }

    /** Copies a layer's integers into the opening as they are computed. */
    private final class Products implements LayerObserver {
        private final MemorySegment out;
        private final CellParts parts;
        private final Cell cell;

        Products(MemorySegment out, CellParts parts, Cell cell) {
            this.out = out;
            this.parts = parts;
            this.cell = cell;
        }

        @Override
        public void products(int layer, Product product, int rows, int width, int[] y, int offset) {
            long at = switch (product) {
                case QKV -> parts.qkv();
                case OUT -> parts.out();
                case GATE_UP -> parts.gateUp();
                case DOWN -> parts.down();
            };
            MemorySegment.copy(y, offset, out, INT, at, rows * width);
        }

        @Override
        public void scores(int layer, int token, int head, int[] s, int offset, int n) {
            long at = parts.scores() + CellParts.scoreOffset(config, cell, token) + 4L * head * n;
            MemorySegment.copy(s, offset, out, INT, at, n);
        }

        @Override
        public void sums(int layer, int token, int head, int[] high, int[] low, int offset) {
            int size = config.headDim();
            long at = 4L * ((token - cell.from()) * config.queryDim() + head * size);
            MemorySegment.copy(high, offset, out, INT, parts.high() + at, size);
            MemorySegment.copy(low, offset, out, INT, parts.low() + at, size);
        }
    }
}
