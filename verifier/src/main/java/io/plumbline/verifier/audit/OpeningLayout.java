package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;

/**
 * What an opening consists of, in pieces: first the proof (a slice of the trace and, in the first layer, one of the
 * embedding), then one piece for each token, so that it can be checked while it arrives. All numbers are int32,
 * little-endian.
 *
 * @param cell that is opened.
 * @param slice of the trace, which the proof begins with.
 * @param embedding where in the proof the embedding's slice begins, in bytes.
 * @param perLayer where that of the layers' own embeddings does.
 * @param state where in the proof the state at the beginning of the cell's block begins, of a layer with linear
 *     attention.
 * @param lead where in the proof the products of the block's tokens before the cell begin, {@link #leadBytes} each.
 * @param tail where those of its tokens after the cell do.
 * @param proof bytes of the proof.
 */
public record OpeningLayout(
        AnswerView view,
        Cell cell,
        Slice slice,
        long embedding,
        long perLayer,
        long state,
        long lead,
        long tail,
        long proof) {

    public static OpeningLayout of(AnswerView view, Cell cell) {
        Slice slice = view.traceSlice(cell);
        long embedding = slice.bytes();
        boolean hasPerLayer =
                view.hasEmbedding(cell) && view.config().architecture().perLayer() > 0;
        long perLayer =
                embedding + (view.hasEmbedding(cell) ? view.embeddingSlice(cell).bytes() : 0);
        long state = perLayer + (hasPerLayer ? view.perLayerSlice(cell).bytes() : 0);
        if (!isLinear(view, cell)) {
            return new OpeningLayout(view, cell, slice, embedding, perLayer, state, state, state, state);
        }
        int first = view.first(cell);
        boolean hasState = view.layout().hasStates(first);
        long lead = state + (hasState ? view.config().architecture().delta().stateBytes() : 0);
        long each = leadBytes(view.config(), cell.layer());
        long tail = lead + (cell.from() - first) * each;
        long proof = tail + (view.end(cell) - cell.to()) * each;
        return new OpeningLayout(view, cell, slice, embedding, perLayer, state, lead, tail, proof);
    }

    private static boolean isLinear(AnswerView view, Cell cell) {
        return cell.layer() < view.config().layers() && view.config().isLinear(cell.layer());
    }

    /** Bytes of the products of a token beside the cell: its projections, and those of its rates and decays. */
    public long leadBytes() {
        return leadBytes(view.config(), cell.layer());
    }

    private static long leadBytes(ModelConfig config, int layer) {
        return Token.of(config, layer, 0).out();
    }

    /**
     * The first token whose piece is needed, with those between, to see what is wrong at {@code token}: with linear
     * attention a token's numbers follow from all before it.
     */
    public int shownFrom(int token) {
        return isLinear(view, cell) ? cell.from() : token;
    }

    /** Bytes of these pieces. */
    public long shownBytes(int token) {
        return offset(token + 1) - offset(shownFrom(token));
    }

    /**
     * Where a layer's products begin in a token's piece, in bytes; query, key and value products are at 0.
     *
     * @param gates products of rates and decays, eight a value head, where the layer has linear attention.
     * @param scores for each head as many as it attends to keys.
     * @param high upper halves of the attention sums, of all query heads.
     * @param low lower halves.
     * @param out hidden products.
     * @param gateUp 2 * mlp products, where the layer has a part that all tokens go through.
     * @param down hidden products, likewise.
     * @param router four products of each of its rows, where the layer has a mixture of experts.
     * @param expertGateUp twice an expert's inner size, for each chosen one.
     * @param expertDown hidden products for each chosen one.
     * @param perLayerInput products for the layer's own embedding, where it has one.
     * @param perLayerGate those of its gate.
     * @param perLayerOut hidden products of what went through that.
     * @param bytes of the piece.
     */
    public record Token(
            long gates,
            long scores,
            long high,
            long low,
            long out,
            long gateUp,
            long down,
            long router,
            long expertGateUp,
            long expertDown,
            long perLayerInput,
            long perLayerGate,
            long perLayerOut,
            long bytes) {
        /** Of a layer of a model at a token. */
        public static Token of(ModelConfig config, int layer, int token) {
            boolean isLinear = config.isLinear(layer);
            long gates = 4L * config.qkvDim(layer);
            long scores =
                    gates + (isLinear ? 32L * config.architecture().delta().valueHeads() : 0);
            long high = scores + 4L * config.heads() * config.keys(layer, token);
            long sums = isLinear ? 0 : 4L * config.queryDim(layer);
            long out = high + 2 * sums;
            long hidden = 4L * config.hidden();
            long gateUp = out + hidden;
            int mlp = config.mlp(layer);
            long down = gateUp + 8L * mlp;
            long router = down + (mlp > 0 ? hidden : 0);
            long expertGateUp = router;
            long expertDown = router;
            long input = router;
            if (config.hasExperts(layer)) {
                Experts experts = config.architecture().experts();
                expertGateUp = router + 16L * config.routes();
                expertDown = expertGateUp + 8L * experts.mlp() * experts.chosen();
                input = expertDown + hidden * experts.chosen();
            }
            long elements = 4L * config.architecture().perLayer();
            long perLayerGate = input + elements;
            long perLayerOut = perLayerGate + elements;
            long end = perLayerOut + (elements > 0 ? hidden : 0);
            return new Token(
                    gates,
                    scores,
                    high,
                    high + sums,
                    out,
                    gateUp,
                    down,
                    router,
                    expertGateUp,
                    expertDown,
                    input,
                    perLayerGate,
                    perLayerOut,
                    end);
        }

        /** Bytes of the largest piece of a token in any layer. */
        public static long mostBytes(ModelConfig config, int token) {
            long most = 0;
            for (int layer = 0; layer < config.layers(); layer++) {
                most = Math.max(most, of(config, layer, token).bytes());
            }
            return most;
        }
    }

    /** Parts of the piece of a token of the cell. */
    public Token token(int token) {
        return Token.of(view.config(), cell.layer(), token);
    }

    /** The proof, and one for each token. */
    public int pieces() {
        return 1 + cell.tokens();
    }

    /** Bytes of a token's piece: a layer's products, or a choice's. */
    public long tokenBytes(int token) {
        if (cell.layer() == view.config().layers()) {
            return view.chosenAfter(token) < 0 ? 0 : 4L * view.config().vocab();
        }
        return token(token).bytes();
    }

    /** Where a token's piece begins in the whole opening. */
    public long offset(int token) {
        long at = proof;
        for (int t = cell.from(); t < token; t++) {
            at += tokenBytes(t);
        }
        return at;
    }

    /** Bytes of the whole opening. */
    public long bytes() {
        return offset(cell.to());
    }
}
