package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.Arrays;

/**
 * What both sides of a challenge know of an answer, and what follows from it: which chunks an opening holds and how
 * many bytes each of its parts has. Because all of it follows, an opening carries no lengths and nothing in it is
 * parsed on trust.
 */
public final class AnswerView {
    private final Manifest manifest;
    private final TraceLayout layout;
    private final byte[] traceKey;
    private final int[] tokens;
    private final int promptTokens;

    /**
     * @param manifest of the model.
     * @param node public key of the inference node.
     * @param promptTokens of the request.
     * @param outputTokens of the answer, at least one.
     */
    public AnswerView(Manifest manifest, Bytes32 node, int[] promptTokens, int[] outputTokens) {
        this.manifest = manifest;
        this.layout = new TraceLayout(manifest.config());
        this.traceKey = TraceLayout.keyOf(node.bytes());
        this.promptTokens = promptTokens.length;
        this.tokens = Arrays.copyOf(promptTokens, promptTokens.length + outputTokens.length);
        System.arraycopy(outputTokens, 0, tokens, promptTokens.length, outputTokens.length);
    }

    public ModelConfig config() {
        return manifest.config();
    }

    public TraceLayout layout() {
        return layout;
    }

    public byte[] traceKey() {
        return traceKey;
    }

    /** Tokens the model ran over. */
    public int length() {
        return tokens.length - 1;
    }

    public int token(int position) {
        return tokens[position];
    }

    /** The token that follows position, or -1 where the request said it and nothing was chosen. */
    public int chosenAfter(int position) {
        return position >= promptTokens - 1 ? tokens[position + 1] : -1;
    }

    /** Positions after which a token was chosen begin here. */
    public int firstChoice() {
        return promptTokens - 1;
    }

    /** The first position whose key and value a layer's cell attends to. */
    public int firstKey(Cell cell) {
        return config().firstKey(cell.layer(), cell.from());
    }

    /**
     * The first token whose residual a layer's cell holds: with linear attention that of the block which the cell is
     * in, for its state begins there.
     */
    public int first(Cell cell) {
        return first(config(), cell);
    }

    /**
     * One more than the last token whose residual a layer's cell holds: with linear attention the block's last, for the
     * state that it ends with is checked, whichever of its tokens are the cell's.
     */
    public int end(Cell cell) {
        return isLinear(config(), cell) ? Math.min(first(cell) + DeltaRule.BLOCK_TOKENS, length()) : cell.to();
    }

    private static boolean isLinear(ModelConfig config, Cell cell) {
        return cell.layer() < config.layers() && config.isLinear(cell.layer());
    }

    static int first(ModelConfig config, Cell cell) {
        return isLinear(config, cell) ? DeltaRule.blockStart(cell.from()) : cell.from();
    }

    /** The slice of the trace that a cell's opening holds. */
    public Slice traceSlice(Cell cell) {
        ChunkSet set = new ChunkSet().addBytes(0, TraceLayout.HEADER_BYTES);
        int layers = config().layers();
        int rowBytes = 4 * config().hidden();
        boolean choices = cell.layer() == layers;
        if (!choices && config().isLinear(cell.layer())) {
            addLinear(set, cell);
            return new Slice(traceKey, layout.traceBytes(length()), set);
        }
        int keyLayer = choices ? layers : config().kvLayer(cell.layer());
        for (int t = choices ? cell.from() : firstKey(cell); t < cell.to(); t++) {
            long h = layout.offset(t, cell.layer());
            if (choices) {
                set.addBytes(h, h + layout.finalBytes());
                continue;
            }
            long keys = layout.offset(t, keyLayer) + layout.kOffset();
            set.addBytes(keys, keys + layout.kvBytes(keyLayer));
            if (t >= cell.from()) {
                set.addBytes(h, h + (keyLayer == cell.layer() ? rowBytes : layout.recordBytes(cell.layer())));
                long next = layout.offset(t, cell.layer() + 1);
                set.addBytes(next, next + rowBytes);
            }
        }
        return new Slice(traceKey, layout.traceBytes(length()), set);
    }

    private void addLinear(ChunkSet set, Cell cell) {
        int rowBytes = 4 * config().hidden();
        int first = first(cell);
        int end = end(cell);
        for (int t = first; t < end; t++) {
            long h = layout.offset(t, cell.layer());
            boolean isInCell = t >= cell.from() && t < cell.to();
            set.addBytes(h, h + (isInCell || t == first ? layout.linearEnd() : rowBytes));
            if (isInCell) {
                long next = layout.offset(t, cell.layer() + 1);
                set.addBytes(next, next + rowBytes);
            }
        }
        if (end < length() && layout.hasStates(end)) {
            long h = layout.offset(end, cell.layer());
            set.addBytes(h + layout.stateHashOffset(), h + layout.linearEnd());
        }
    }

    /** Whether a cell's opening holds its tokens' embeddings: in the first layer, or where layers have their own. */
    public boolean hasEmbedding(Cell cell) {
        return cell.layer() == 0
                || cell.layer() < config().layers() && config().architecture().perLayer() > 0;
    }

    /** The slice of the tensor of layers' own embeddings with the parts of its layer of a cell's tokens. */
    public Slice perLayerSlice(Cell cell) {
        int elements = config().architecture().perLayer();
        Manifest.Tensor tensor =
                manifest.tensor(TensorNames.PER_LAYER_EMBEDDING, config().vocab(), config().perLayerDim());
        int bytes = tensor.rowBytes() / config().perLayerDim() * elements;
        ChunkSet set = new ChunkSet();
        for (int t = cell.from(); t < cell.to(); t++) {
            long part = (long) tokens[t] * tensor.rowBytes() + (long) cell.layer() * bytes;
            set.addBytes(part, part + bytes);
        }
        return new Slice(null, tensor.bytes(), set);
    }

    /** The slice of the embedding tensor with the rows of a cell's tokens. */
    public Slice embeddingSlice(Cell cell) {
        Manifest.Tensor tensor = manifest.tensor(TensorNames.EMBEDDING, config().vocab(), config().hidden());
        ChunkSet set = new ChunkSet();
        for (int t = cell.from(); t < cell.to(); t++) {
            long row = (long) tokens[t] * tensor.rowBytes();
            set.addBytes(row, row + tensor.rowBytes());
        }
        return new Slice(null, tensor.bytes(), set);
    }
}
