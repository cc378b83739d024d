package io.plumbline.verifier.trace;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkCompressor;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import java.util.Arrays;

/**
 * Where everything stands in a request's trace: a header of 1 KiB, then token by token one record a layer and a final
 * one, each padded to whole KiB so that its chunks hash on their own.
 *
 * <pre>
 * record (t, l)   h f32[hidden] entering layer l, k int16[kvDim], v int8[kvDim], sk f32[kvHeads], sv f32[kvHeads];
 *                 h alone where the layer attends to another's keys and values;
 *                 with linear attention, in place of keys and values, the BLAKE3 hash of the layer's state before the
 *                 token where one begins a block other than the first, and zeros elsewhere
 * record (t, L)   h f32[hidden] after the last layer, token id, token chosen after it (-1: none), its logit
 * </pre>
 */
public final class TraceLayout {
    public static final int HEADER_BYTES = 1024;

    private static final byte[] MAGIC = {'P', 'L', 'T', 'R', 'A', 'C', 'E', '1'};
    private static final String KEY_CONTEXT = "plumbline 2026-11 trace key";

    private final ModelConfig config;
    private final int recordBytes;
    private final int finalBytes;

    /** Where each layer's record begins among a token's, and behind the last the final one. */
    private final long[] starts;

    public TraceLayout(ModelConfig config) {
        this.config = config;
        this.recordBytes = padded(4 * config.hidden() + rowBytes(config.kvHeads(), config.headDim()));
        this.finalBytes = padded(4 * config.hidden() + 12);
        this.starts = new long[config.layers() + 1];
        for (int l = 0; l < config.layers(); l++) {
            starts[l + 1] = starts[l] + padded(config.isLinear(l) ? linearEnd() : recordEnd(l));
        }
    }

    private static int padded(int bytes) {
        return (bytes + 1023) / 1024 * 1024;
    }

    private static int rowBytes(int kvHeads, int headDim) {
        return kvHeads * (3 * headDim + 8);
    }

    /** Offsets within a layer's record, in bytes; h is at 0. */
    public int kOffset() {
        return 4 * config.hidden();
    }

    public int vOffset(int layer) {
        return kOffset() + 2 * config.kvDim(layer);
    }

    public int skOffset(int layer) {
        return vOffset(layer) + config.kvDim(layer);
    }

    public int svOffset(int layer) {
        return skOffset(layer) + 4 * config.kvHeads(layer);
    }

    /** Bytes of a layer's keys, values and scales together, from {@link #kOffset()}; 0 where it has none of its own. */
    public int kvBytes(int layer) {
        return config.hasOwnKeys(layer) ? rowBytes(config.kvHeads(layer), config.headDim(layer)) : 0;
    }

    /** Bytes of the record of a layer with attention from here on are zero. */
    public int recordEnd(int layer) {
        return kOffset() + kvBytes(layer);
    }

    /** Bytes of a final record from here on are zero. */
    public int finalEnd() {
        return 4 * config.hidden() + 12;
    }

    /** Layers of the model: the index of a token's final record. */
    public int layers() {
        return config.layers();
    }

    /** Bytes of a layer's record. */
    public int recordBytes(int layer) {
        return (int) (starts[layer + 1] - starts[layer]);
    }

    /** Where in a record of a layer with linear attention the hash of its state stands, 32 bytes. */
    public int stateHashOffset() {
        return kOffset();
    }

    /** Bytes of such a record from here on are zero. */
    public int linearEnd() {
        return stateHashOffset() + Blake3.HASH_BYTES;
    }

    /** Whether a token's records have the hashes of the states before it. */
    public boolean hasStates(int token) {
        return config.linearLayers() > 0 && token > 0 && DeltaRule.blockStart(token) == token;
    }

    /** Bytes of all states that a trace of so many tokens has the hashes of. */
    public long stateBytes(int tokens) {
        return stateAt(DeltaRule.blockStart(Math.max(0, tokens - 1)) + DeltaRule.BLOCK_TOKENS, 0);
    }

    /** Where among these states the one before a token stands, of a layer that has it. */
    public long stateAt(int token, int layer) {
        int layers = config.linearLayers();
        if (layers == 0) {
            return 0;
        }
        long index = (token / DeltaRule.BLOCK_TOKENS - 1L) * layers + config.linearIndex(layer);
        return index * config.architecture().delta().stateBytes();
    }

    public int finalBytes() {
        return finalBytes;
    }

    /** Bytes of the largest record of any kind. */
    public int widestBytes() {
        int widest = finalBytes;
        for (int l = 0; l < config.layers(); l++) {
            widest = Math.max(widest, recordBytes(l));
        }
        return widest;
    }

    /**
     * Where in a final record the chunks begin that depend on what was chosen: from here on a record is rewritten
     * when a prompt's token becomes an answer's. Before that stand residuals alone.
     */
    public int tailOffset() {
        return 4 * config.hidden() / HEADER_BYTES * HEADER_BYTES;
    }

    /** Residuals that the tail of a final record begins with. */
    public int tailFloats() {
        return config.hidden() - tailOffset() / 4;
    }

    /** Bytes of one token's records. */
    public long stepBytes() {
        return starts[config.layers()] + finalBytes;
    }

    /** Chunks of one token's records. */
    public int stepChunks() {
        return Math.toIntExact(stepBytes() / ChunkCompressor.CHUNK_BYTES);
    }

    /** Chunks of them that depend on what was chosen, the last ones. */
    public int tailChunks() {
        return (finalBytes - tailOffset()) / ChunkCompressor.CHUNK_BYTES;
    }

    /** Where record (token, layer) begins; layer L is the final record. */
    public long offset(int token, int layer) {
        return HEADER_BYTES + token * stepBytes() + starts[layer];
    }

    public long traceBytes(int tokens) {
        return HEADER_BYTES + tokens * stepBytes();
    }

    /** Tokens that a model has run over when it gave {@code outputTokens}: the last one chosen is never fed back. */
    public static int tokens(int promptTokens, int outputTokens) {
        return promptTokens + outputTokens - 1;
    }

    public byte[] header(Bytes32 modelId, Bytes32 requestHash, int tokens) {
        byte[] header = new CanonicalWriter()
                .putFixed(MAGIC)
                .putInt(config.contractVersion())
                .putBytes32(modelId)
                .putBytes32(requestHash)
                .putInt(tokens)
                .putInt(config.layers())
                .putInt(recordBytes)
                .putInt(finalBytes)
                .toBytes();
        return Arrays.copyOf(header, HEADER_BYTES);
    }

    /**
     * Key of an inference node's trace hashes. Honest traces of one request are equal, so an unkeyed root could be
     * copied by a node that did no work.
     */
    public static byte[] keyOf(byte[] nodePublicKey) {
        return Blake3.deriveKey(KEY_CONTEXT).update(nodePublicKey).digest();
    }
}
