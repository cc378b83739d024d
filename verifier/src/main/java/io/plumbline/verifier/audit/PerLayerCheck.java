package io.plumbline.verifier.audit;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import java.lang.foreign.MemorySegment;

/**
 * What a layer's own embeddings of a cell's tokens come of: the rows of the model's tensor, by a proof against its
 * hash, and the tokens' first residuals, by one against that of the embedding. None of it is taken from the trace, so a
 * cell of any layer shows by itself which token an embedding belongs to.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class PerLayerCheck {
    private final Manifest manifest;
    private final LayerSteps steps;
    private final int hidden;
    private final int elements;

    /** Embeddings of the cell's tokens, {@code [token][elements]}; then what goes through the gate. */
    private float[] inputs = new float[0];

    /** Their first residuals, quantized, {@code [token][hidden]}, and the scales. */
    private byte[] firsts = new byte[0];

    private float[] scales = new float[0];

    PerLayerCheck(KnownModel model, LayerSteps steps) {
        this.manifest = model.manifest();
        ModelConfig config = manifest.config();
        this.steps = steps;
        this.hidden = config.hidden();
        this.elements = config.architecture().perLayer();
    }

    /** Reads the embeddings that the proof of a cell holds. */
    void begin(Opened o, MemorySegment proof) throws FailedException {
        Cell cell = o.cell;
        ModelConfig config = manifest.config();
        Manifest.Tensor tensor = manifest.tensor(TensorNames.PER_LAYER_EMBEDDING);
        long from = o.layout.perLayer();
        AnswerView view = o.layout.view();
        Slice.Proven rows =
                view.perLayerSlice(cell).verify(proof.asSlice(from, o.layout.state() - from), tensor.hash());
        if (rows == null) {
            throw o.fail(Step.SLICE, cell.from(), "the embeddings of the layer do not hash to the model's tensor");
        }
        if (scales.length < cell.tokens()) {
            inputs = new float[cell.tokens() * elements];
            firsts = new byte[cell.tokens() * hidden];
            scales = new float[cell.tokens()];
        }
        int bytes = tensor.rowBytes() / config.perLayerDim() * elements;
        for (int t = cell.from(); t < cell.to(); t++) {
            long at = (long) view.token(t) * tensor.rowBytes() + (long) cell.layer() * bytes;
            MemorySegment row = rows.bytes(at, bytes);
            Embedding.widen(row, 0, tensor.dtype(), elements, inputs, (t - cell.from()) * elements);
        }
    }

    /** Takes the first residual of token {@code t}, hidden floats. */
    void first(Opened o, int t, float[] h) {
        int i = t - o.cell.from();
        scales[i] = steps.normAndQuantize(h, 0, null, firsts, i * hidden);
    }

    /** Copies the quantized first residual of the cell's token {@code i}; returns its scale. */
    float takeFirst(int i, byte[] x, int xOffset) {
        System.arraycopy(firsts, i * hidden, x, xOffset, hidden);
        return scales[i];
    }

    /** Joins the embedding of the current token with the products of its first residual. */
    void join(Opened o, int[] y, int yOffset, float scale) {
        steps.perLayerInput(o.parameters, y, yOffset, scale, inputs, (o.current - o.cell.from()) * elements);
    }

    /** Gates what was joined, quantized into {@code x}; returns the scale. */
    float gate(Opened o, int[] y, int yOffset, float scale, byte[] x, int xOffset) {
        int at = (o.current - o.cell.from()) * elements;
        return steps.perLayerGate(o.parameters, y, yOffset, scale, inputs, at, x, xOffset);
    }
}
