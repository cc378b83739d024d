package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.engine.LayerObserver.Product;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.blake3.ParallelHash;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.DeltaSteps;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Supplier;

/**
 * Linear attention over a batch: rows are projected and convolved one by one, then each head of each sequence runs
 * through its sequence's rows in order. The state before a segment stays as it was, and the one after it is written
 * beside it: a step that fails can be run again.
 *
 * <p>Holds scratch memory: one caller at a time.
 */
final class LinearAttention {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ModelConfig config;
    private final DeltaRule delta;
    private final TraceLayout trace;
    private final int hidden;
    private final int rowFloats;

    /** Rows that the convolution reaches back. */
    private final int reach;

    private final Workers workers;
    private final LayerSteps[] steps;
    private final DeltaSteps[] rules;
    private final MatrixProducts products;

    private LoadedModel.Layer layer;
    private int index;

    /** Number of the layer among those with linear attention. */
    private int linear;

    private BatchRows batch;
    private List<LayerObserver> observers;
    private int capacity;
    private int mostSegments;

    /** Digits of the normed inputs, {@code [rows][2][hidden]}. */
    private byte[] digits = new byte[0];

    private float[] digitScales = new float[0];

    /** Products of rates and decays, {@code [rows][8 * valueHeads]}. */
    private int[] gates = new int[0];

    private float[] rates = new float[0];
    private float[] decays = new float[0];

    /** Projections of each segment's rows, behind those of as many tokens before it as the convolution reaches. */
    private float[] projected = new float[0];

    /** {@code [rows][channels]}. */
    private float[] convolved = new float[0];

    /** Outputs of all heads, {@code [rows][values]}. */
    private float[] out = new float[0];

    /** The first row of each segment. */
    private int[] firstRows = new int[0];

    private byte[][] hashes = new byte[0][];

    private final Workers.Task quantizeDigits = this::quantizeDigits;
    private final Workers.Task project = this::project;
    private final Workers.Task convolve = this::convolve;
    private final Workers.Task advance = this::advance;
    private final Workers.Task quantizeHeads = this::quantizeHeads;
    private final Workers.Task hash = this::hash;
    private final Workers.Task record = this::record;

    LinearAttention(
            ModelConfig config,
            Workers workers,
            Supplier<ExactMath> math,
            LayerSteps[] steps,
            MatrixProducts products) {
        this.config = config;
        this.delta = config.architecture().delta();
        this.trace = new TraceLayout(config);
        this.hidden = config.hidden();
        this.workers = workers;
        this.steps = steps;
        this.products = products;
        this.rules = new DeltaSteps[steps.length];
        for (int i = 0; i < rules.length; i++) {
            rules[i] = new DeltaSteps(config, math.get());
        }
        this.rowFloats = rules[0].rowFloats();
        this.reach = delta.taps() - 1;
    }

    private void reserve(int rows, int segments) {
        if (capacity < rows || mostSegments < segments) {
            capacity = Math.max(capacity, rows);
            mostSegments = Math.max(mostSegments, segments);
            digits = new byte[capacity * 2 * hidden];
            digitScales = new float[capacity];
            gates = new int[capacity * 8 * delta.valueHeads()];
            rates = new float[capacity * delta.valueHeads()];
            decays = new float[capacity * delta.valueHeads()];
            projected = new float[Math.multiplyExact(capacity + mostSegments * reach, rowFloats)];
            convolved = new float[capacity * delta.channels()];
            out = new float[capacity * delta.values()];
            firstRows = new int[mostSegments];
            hashes = new byte[mostSegments][];
        }
    }

    /**
     * Runs all rows.
     *
     * @param in holds the products of the layer's projections, and receives what its heads give, quantized.
     * @param observing is told the products of rates and decays.
     * @param seen one for each segment.
     */
    void run(int l, LoadedModel.Layer of, BatchRows in, Mixture.Observing observing, List<LayerObserver> seen) {
        index = l;
        layer = of;
        linear = config.linearIndex(l);
        batch = in;
        observers = seen;
        int count = batch.count();
        List<Segment> segments = batch.segments();
        reserve(count, segments.size());
        int row = 0;
        for (int s = 0; s < segments.size(); s++) {
            firstRows[s] = row;
            readWindow(s);
            row += segments.get(s).count();
        }
        workers.run(count, quantizeDigits);
        int outputs = 4 * delta.valueHeads();
        products.multiply(digits, 2 * count, gates, outputs, layer.linear().rates());
        observing.products(index, Product.DELTA_GATES, 2, outputs, gates);
        workers.run(count, project);
        workers.run(count, convolve);
        workers.run(segments.size() * delta.valueHeads(), advance);
        for (int s = 0; s < segments.size(); s++) {
            writeWindow(s);
        }
        workers.run(count, quantizeHeads);
        workers.run(segments.size(), hash);
        workers.run(batch.tiles(), record);
    }

    private int projectedAt(int row) {
        return (row + (batch.segment(row) + 1) * reach) * rowFloats;
    }

    /** The convolution's inputs at the tokens before a segment, from its state. */
    private void readWindow(int s) {
        MemorySegment state = before(s);
        int at = (firstRows[s] + s * reach) * rowFloats;
        for (int i = 0; i < reach; i++) {
            long from = 4L * i * delta.channels();
            MemorySegment.copy(state, FLOAT, from, projected, at + i * rowFloats, delta.channels());
        }
    }

    private void writeWindow(int s) {
        MemorySegment state = after(s);
        int at = (firstRows[s] + s * reach + batch.segments().get(s).count()) * rowFloats;
        for (int i = 0; i < reach; i++) {
            long to = 4L * i * delta.channels();
            MemorySegment.copy(projected, at + i * rowFloats, state, FLOAT, to, delta.channels());
        }
    }

    private MemorySegment before(int s) {
        return batch.segments().get(s).cache().before().layer(linear);
    }

    private MemorySegment after(int s) {
        return batch.segments().get(s).cache().after().layer(linear);
    }

    private void quantizeDigits(int worker, int row) {
        float[] gain = layer.parameters().attentionGain();
        digitScales[row] = steps[worker].normAndQuantize16(batch.h, row * hidden, gain, digits, row * 2 * hidden);
    }

    private void project(int worker, int row) {
        int heads = delta.valueHeads();
        DeltaSteps rule = rules[worker];
        rule.project(layer.parameters(), batch.y, row * rowFloats, batch.scales[row], projected, projectedAt(row));
        rule.gates(layer.parameters(), gates, row * 8 * heads, digitScales[row], rates, decays, row * heads);
    }

    private void convolve(int worker, int row) {
        rules[worker].convolve(layer.parameters(), projected, projectedAt(row), convolved, row * delta.channels());
    }

    private void advance(int worker, int task) {
        int s = task / delta.valueHeads();
        int head = task % delta.valueHeads();
        int row = firstRows[s];
        rules[worker].advance(
                head,
                before(s),
                after(s),
                convolved,
                row * delta.channels(),
                decays,
                rates,
                row * delta.valueHeads(),
                out,
                row * delta.values(),
                batch.segments().get(s).count());
    }

    private void quantizeHeads(int worker, int row) {
        int at = row * delta.values();
        batch.scales[row] =
                rules[worker].quantizeHeads(layer.parameters(), out, at, projected, projectedAt(row), batch.x, at);
    }

    /** The hash of the state before a segment, where its first token's record has it. */
    private void hash(int worker, int s) {
        Segment segment = batch.segments().get(s);
        hashes[s] = null;
        if (observers.get(s).wantsRows() && trace.hasStates(segment.first())) {
            MemorySegment state = before(s);
            hashes[s] = ParallelHash.hash(state);
            observers.get(s).state(index, segment.first(), state);
        }
    }

    /** A tile's part of the trace. */
    private void record(int worker, int tile) {
        int s = batch.tileSegment(tile);
        LayerObserver observer = observers.get(s);
        if (observer.wantsRows()) {
            int first = batch.tileRow(tile);
            byte[] hash = first == firstRows[s] ? hashes[s] : null;
            observer.linearRows(worker, index, batch.position(first), batch.tileCount(tile), batch.h, first, hash);
        }
    }
}
