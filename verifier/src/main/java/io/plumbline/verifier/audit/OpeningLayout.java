package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.ModelConfig;

/**
 * What an opening consists of, in pieces: first the proof (a slice of the trace and, in the first layer, one of the
 * embedding), then one piece for each token, so that it can be checked while it arrives. All numbers are int32,
 * little-endian.
 *
 * @param cell that is opened.
 * @param slice of the trace, which the proof begins with.
 * @param embedding where in the proof the embedding's slice begins, in bytes.
 * @param proof bytes of the proof.
 */
public record OpeningLayout(AnswerView view, Cell cell, Slice slice, long embedding, long proof) {

    public static OpeningLayout of(AnswerView view, Cell cell) {
        Slice slice = view.traceSlice(cell);
        long embedding = slice.bytes();
        long rows = cell.layer() == 0 ? view.embeddingSlice(cell).bytes() : 0;
        return new OpeningLayout(view, cell, slice, embedding, embedding + rows);
    }

    /**
     * Where a layer's products begin in a token's piece, in bytes; query, key and value products are at 0.
     *
     * @param scores for each head as many as it attends to keys.
     * @param high upper halves of the attention sums, queryDim.
     * @param low lower halves.
     * @param out hidden products.
     * @param gateUp 2 * mlp products.
     * @param down hidden products.
     * @param bytes of the piece.
     */
    public record Token(long scores, long high, long low, long out, long gateUp, long down, long bytes) {
        /** Of a layer of a model at a token. */
        public static Token of(ModelConfig config, int layer, int token) {
            return of(config, config.keys(layer, token));
        }

        /** Of a layer in which a token attends to so many keys. */
        public static Token of(ModelConfig config, int keys) {
            long scores = 4L * config.qkvDim();
            long high = scores + 4L * config.heads() * keys;
            long sums = 4L * config.queryDim();
            long out = high + 2 * sums;
            long gateUp = out + 4L * config.hidden();
            long down = gateUp + 8L * config.mlp();
            return new Token(scores, high, high + sums, out, gateUp, down, down + 4L * config.hidden());
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
