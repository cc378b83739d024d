package io.plumbline.verifier.trace;

import io.plumbline.verifier.blake3.ChunkCompressor;
import io.plumbline.verifier.blake3.ChunkTree;
import io.plumbline.verifier.blake3.Hashing;
import java.lang.foreign.MemorySegment;

/**
 * The running commitment to a trace. Records may be hashed in any order inside a block of tokens (an engine works layer by layer);
 * a finished block joins the tree and nothing of it is kept.
 */
public final class TraceHasher {
    private final TraceLayout layout;
    private final int chunksPerStep;
    private final Hashing hashing;
    private final ChunkTree tree;
    private int[] block = new int[0];
    private int blockStart;
    private int blockTokens;

    /** @param key of the node's trace hashes, see {@link TraceLayout#keyOf}. */
    public TraceHasher(TraceLayout layout, byte[] key) {
        this.layout = layout;
        this.chunksPerStep = Math.toIntExact(layout.stepBytes() / ChunkCompressor.CHUNK_BYTES);
        this.hashing = new Hashing(key);
        this.tree = new ChunkTree(key, true);
    }

    /** Starts the block of {@code tokens} tokens that follows the last one. */
    public void begin(int firstToken, int tokens) {
        if (firstToken != blockStart + blockTokens) {
            throw new IllegalStateException(
                    "Token " + firstToken + " does not follow " + (blockStart + blockTokens) + ".");
        }
        blockStart = firstToken;
        blockTokens = tokens;
        int words = tokens * chunksPerStep * ChunkCompressor.CV_WORDS;
        if (block.length < words) {
            block = new int[words];
        }
    }

    /** Hashes record (token, layer) of the current block; {@code record} is its padded bytes, layer L the final one. */
    public void record(int token, int layer, MemorySegment record) {
        long chunk = layout.offset(token, layer) / ChunkCompressor.CHUNK_BYTES;
        int place = (int) (chunk - layout.offset(blockStart, 0) / ChunkCompressor.CHUNK_BYTES);
        hashing.chunks(record, chunk, block, place * ChunkCompressor.CV_WORDS);
    }

    /** Joins the block, all of whose records are hashed, to the tree. */
    public void end() {
        for (int i = 0; i < blockTokens * chunksPerStep; i++) {
            tree.push(block, i * ChunkCompressor.CV_WORDS);
        }
    }

    /** The trace root, given the header of {@link TraceLayout#HEADER_BYTES} bytes. */
    public byte[] root(byte[] header) {
        int[] first = new int[ChunkCompressor.CV_WORDS];
        hashing.chunks(MemorySegment.ofArray(header), 0, first, 0);
        return tree.root(first);
    }
}
