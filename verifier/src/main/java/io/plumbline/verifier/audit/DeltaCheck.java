package io.plumbline.verifier.audit;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ParallelHash;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.DeltaSteps;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The check of linear attention in a cell. It has no weights between its projections, so it is run again: from the
 * state at the beginning of the cell's block, which the trace commits to, over the block's tokens before the cell,
 * whose projections are opened too, over those of the cell, and over those behind it. The state that a block ends with
 * is the next one's.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class DeltaCheck implements AutoCloseable {
    private static final int TOGETHER = OpeningCheck.TOGETHER;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final KnownModel model;
    private final WorkDigest work;
    private final LayerSteps steps;
    private final DeltaRule delta;
    private final DeltaSteps rule;
    private final int hidden;
    private final int rowFloats;

    /** Products of a token's rates and decays. */
    private final int gateProducts;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment state;

    /** Projections of the tokens before those under check, as many as the convolution reaches back, and of these. */
    private final float[] rows;

    /** The proof of the cell under check. */
    private MemorySegment products = MemorySegment.NULL;

    private final byte[] x;
    private final int[] y;
    private final float[] scale = new float[TOGETHER];
    private final byte[] digits;
    private final float[] digitScale = new float[TOGETHER];
    private final int[] gates;
    private final float[] convolved;
    private final float[] rates;
    private final float[] decays;
    private final float[] out;

    DeltaCheck(KnownModel model, WorkDigest work, LayerSteps steps) {
        ModelConfig config = model.manifest().config();
        this.model = model;
        this.work = work;
        this.steps = steps;
        this.delta = config.architecture().delta();
        this.rule = new DeltaSteps(config, ExactMath.best());
        this.hidden = config.hidden();
        this.rowFloats = rule.rowFloats();
        this.gateProducts = 8 * delta.valueHeads();
        this.state = arena.allocate(delta.stateBytes(), 64);
        this.rows = new float[(delta.taps() - 1 + TOGETHER) * rowFloats];
        this.x = new byte[TOGETHER * hidden];
        this.y = new int[TOGETHER * rowFloats];
        this.digits = new byte[TOGETHER * 2 * hidden];
        this.gates = new int[TOGETHER * gateProducts];
        this.convolved = new float[TOGETHER * delta.channels()];
        this.rates = new float[TOGETHER * delta.valueHeads()];
        this.decays = new float[TOGETHER * delta.valueHeads()];
        this.out = new float[TOGETHER * delta.values()];
    }

    /** About the bytes that it takes. */
    static long memoryBytes(ModelConfig config) {
        DeltaRule delta = config.architecture().delta();
        return delta.stateBytes() + 4L * (delta.taps() + 4 * TOGETHER) * (delta.channels() + delta.values());
    }

    /**
     * Takes the state at the block's beginning, and runs the block's tokens before the cell.
     *
     * @param proof holds the state and those tokens' products.
     * @param proven the opened records.
     */
    void begin(Opened o, MemorySegment proof, Slice.Proven proven) throws FailedException {
        TraceLayout trace = o.layout.view().layout();
        int first = o.first;
        o.current = first;
        if (trace.hasStates(first)) {
            MemorySegment.copy(proof, o.layout.state(), state, 0, state.byteSize());
            requireState(o, first, first, proven);
        } else {
            state.fill((byte) 0);
        }
        for (int i = 0; i < delta.taps() - 1; i++) {
            long at = 4L * i * delta.channels();
            MemorySegment.copy(state, FLOAT, at, rows, i * rowFloats, delta.channels());
        }
        products = proof;
        beside(o, first, o.cell.from(), o.layout.lead());
        // What stands in the records of tokens in between is for other cells to say.
        requireRecordEnd(o, first, trace, proven);
        for (int t = Math.max(first + 1, o.cell.from()); t < o.cell.to(); t++) {
            requireRecordEnd(o, t, trace, proven);
        }
    }

    /** Runs tokens of the block that are not of the cell, whose products the proof holds from {@code at}. */
    private void beside(Opened o, int from, int to, long at) throws FailedException {
        long bytes = o.layout.leadBytes();
        o.pieces = products.asSlice(at, (to - from) * bytes);
        long[] starts = new long[TOGETHER];
        for (int t = from; t < to; t += TOGETHER) {
            int count = Math.min(TOGETHER, to - t);
            for (int i = 0; i < count; i++) {
                starts[i] = (t - from + i) * bytes;
            }
            advance(o, t, count, starts, null, null);
        }
    }

    /** Behind the residual stands a hash where a block begins, and nothing else. */
    private void requireRecordEnd(Opened o, int t, TraceLayout trace, Slice.Proven proven) throws FailedException {
        int from = trace.hasStates(t) ? trace.linearEnd() : trace.stateHashOffset();
        long at = trace.offset(t, o.cell.layer());
        if (!LayerCheck.isZero(proven.bytes(at + from, trace.recordBytes(o.cell.layer()) - from))) {
            throw o.fail(Step.PADDING, t, "something stands behind the record's last field");
        }
    }

    /** The state as computed, or as opened, is the one that the record of {@code token} has the hash of. */
    private void requireState(Opened o, int token, int named, Slice.Proven proven) throws FailedException {
        TraceLayout trace = o.layout.view().layout();
        long at = trace.offset(token, o.cell.layer()) + trace.stateHashOffset();
        byte[] committed = proven.bytes(at, Blake3.HASH_BYTES).toArray(ValueLayout.JAVA_BYTE);
        if (!Arrays.equals(committed, ParallelHash.hash(state))) {
            throw o.fail(
                    Step.RECURRENT_STATE, named, "the state before token " + token + " is not the one committed to");
        }
    }

    /**
     * Checks the projections of {@code count} tokens from {@code from}, runs them, and quantizes what their heads give.
     *
     * @param starts where each one's piece begins.
     * @param target receives {@link DeltaRule#values} bytes for each.
     * @param targetScale of each.
     */
    void check(Opened o, int from, int count, long[] starts, byte[] target, float[] targetScale, Slice.Proven proven)
            throws FailedException {
        advance(o, from, count, starts, target, targetScale);
        if (from + count == o.cell.to()) {
            MemorySegment pieces = o.pieces;
            beside(o, o.cell.to(), o.end, o.layout.tail());
            o.pieces = pieces;
            endBlock(o, proven);
        }
    }

    private void endBlock(Opened o, Slice.Proven proven) throws FailedException {
        if (o.end < o.layout.view().length() && o.layout.view().layout().hasStates(o.end)) {
            // The window is kept in the state from token to token only here, where it is compared.
            for (int i = 0; i < delta.taps() - 1; i++) {
                long at = 4L * i * delta.channels();
                MemorySegment.copy(rows, i * rowFloats, state, FLOAT, at, delta.channels());
            }
            // Named by the block's last token: a cell of that alone shows it, and one of the next token does not.
            requireState(o, o.end, o.end - 1, proven);
        }
    }

    private void advance(Opened o, int from, int count, long[] starts, byte[] target, float[] targetScale)
            throws FailedException {
        float[] gain = o.parameters.attentionGain();
        int layer = o.cell.layer();
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            scale[i] = steps.normAndQuantize(o.h, (o.current - o.first) * hidden, gain, x, i * hidden);
            o.ints(starts[i], rowFloats, y, i * rowFloats);
        }
        work.take(x, count * hidden);
        int bad = model.firstFalse(layer, MatrixStack.QKV, LayerMatrix.NO_EXPERT, x, y, count);
        if (bad >= 0) {
            throw o.fail(Step.QKV, from + bad, "the claimed products are not those of the model's matrix");
        }
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            int at = (o.current - o.first) * hidden;
            digitScale[i] = steps.normAndQuantize16(o.h, at, gain, digits, i * 2 * hidden);
            o.ints(starts[i] + 4L * rowFloats, gateProducts, gates, i * gateProducts);
        }
        work.take(digits, count * 2 * hidden);
        // Two rows a token: its inputs' high digits, and their low ones.
        bad = model.firstFalse(layer, MatrixStack.DELTA_GATES, LayerMatrix.NO_EXPERT, digits, gates, 2 * count);
        if (bad >= 0) {
            throw o.fail(Step.DECAY, from + bad / 2, "the claimed products are not those of the model's matrix");
        }
        int reach = (delta.taps() - 1) * rowFloats;
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            int row = reach + i * rowFloats;
            rule.project(o.parameters, y, i * rowFloats, scale[i], rows, row);
            rule.gates(o.parameters, gates, i * gateProducts, digitScale[i], rates, decays, i * delta.valueHeads());
            rule.convolve(o.parameters, rows, row, convolved, i * delta.channels());
        }
        for (int h = 0; h < delta.valueHeads(); h++) {
            rule.advance(h, state, state, convolved, 0, decays, rates, 0, out, 0, count);
        }
        for (int i = 0; i < count && target != null; i++) {
            o.current = from + i;
            int at = i * delta.values();
            targetScale[i] = rule.quantizeHeads(o.parameters, out, at, rows, reach + i * rowFloats, target, at);
        }
        System.arraycopy(rows, count * rowFloats, rows, 0, reach);
    }

    @Override
    public void close() {
        arena.close();
    }
}
