package io.plumbline.verifier.trace;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkCompressor;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.ModelConfig;
import java.util.Arrays;

/**
 * Where everything stands in a request's trace: a header of 1 KiB, then token by token one record a layer and a final
 * one, each padded to whole KiB so that its chunks hash on their own.
 *
 * <pre>
 * record (t, l)   h f32[hidden] entering layer l, k int16[kvDim], v int8[kvDim], sk f32[kvHeads], sv f32[kvHeads]
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

    public TraceLayout(ModelConfig config) {
        this.config = config;
        this.recordBytes = padded(svOffset() + 4 * config.kvHeads());
        this.finalBytes = padded(4 * config.hidden() + 12);
    }

    private static int padded(int bytes) {
        return (bytes + 1023) / 1024 * 1024;
    }

    /** Offsets within a record, in bytes; h is at 0. */
    public int kOffset() {
        return 4 * config.hidden();
    }

    public int vOffset() {
        return kOffset() + 2 * config.kvDim();
    }

    public int skOffset() {
        return vOffset() + config.kvDim();
    }

    public int svOffset() {
        return skOffset() + 4 * config.kvHeads();
    }

    /** Bytes of keys, values and scales together, from {@link #kOffset()}. */
    public int kvBytes() {
        return svOffset() + 4 * config.kvHeads() - kOffset();
    }

    /** Bytes of a record from here on are zero. */
    public int recordEnd() {
        return kOffset() + kvBytes();
    }

    /** Bytes of a final record from here on are zero. */
    public int finalEnd() {
        return 4 * config.hidden() + 12;
    }

    /** Layers of the model: the index of a token's final record. */
    public int layers() {
        return config.layers();
    }

    public int recordBytes() {
        return recordBytes;
    }

    public int finalBytes() {
        return finalBytes;
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
        return (long) recordBytes * config.layers() + finalBytes;
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
        return HEADER_BYTES + token * stepBytes() + (long) layer * recordBytes;
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
