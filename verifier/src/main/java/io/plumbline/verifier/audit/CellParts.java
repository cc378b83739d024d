package io.plumbline.verifier.audit;

import io.plumbline.verifier.model.ModelConfig;

/**
 * Where each part of a cell's opening begins, in bytes: the two slices, then int32 products, little-endian, token by token.
 *
 * @param embedding slice of embedding rows; of no bytes above the first layer.
 * @param qkv qkvDim products a token.
 * @param out hidden products a token.
 * @param gateUp 2 * mlp products a token.
 * @param down hidden products a token.
 * @param scores for each token t and head, t + 1 scores.
 * @param high upper halves of the attention sums, queryDim a token.
 * @param low lower halves.
 * @param bytes of the whole opening.
 */
public record CellParts(
        long embedding, long qkv, long out, long gateUp, long down, long scores, long high, long low, long bytes) {

    public static CellParts of(AnswerView view, ModelConfig config, Cell cell) {
        long n = cell.tokens();
        long embedding = view.traceSlice(cell).bytes();
        long qkv = embedding + (cell.layer() == 0 ? view.embeddingSlice(cell).bytes() : 0);
        long out = qkv + 4 * n * config.qkvDim();
        long gateUp = out + 4 * n * config.hidden();
        long down = gateUp + 8 * n * config.mlp();
        long scores = down + 4 * n * config.hidden();
        long high = scores + scoreOffset(config, cell, cell.to());
        long low = high + 4 * n * config.queryDim();
        return new CellParts(embedding, qkv, out, gateUp, down, scores, high, low, low + 4 * n * config.queryDim());
    }

    /** Bytes of all scores of the cell's tokens before {@code token}. */
    public static long scoreOffset(ModelConfig config, Cell cell, int token) {
        long keys = (long) token * (token + 1) / 2 - (long) cell.from() * (cell.from() + 1) / 2;
        return 4 * keys * config.heads();
    }
}
