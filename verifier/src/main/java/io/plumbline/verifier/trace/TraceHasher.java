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
    private final byte[] key;
    private final Hashing hashing;
    private final ChunkTree tree;
    private int[] block = new int[0];
    private int blockStart;
    private int blockTokens;
    private int ended;

    /** @param key of the node's trace hashes, see {@link TraceLayout#keyOf}. */
    public TraceHasher(TraceLayout layout, byte[] key) {
        this.layout = layout;
        this.chunksPerStep = Math.toIntExact(layout.stepBytes() / ChunkCompressor.CHUNK_BYTES);
        this.key = key;
        this.hashing = new Hashing(key);
        this.tree = new ChunkTree(key, true);
    }

    /** Starts the block of {@code tokens} tokens that follows the last one ended. */
    public void begin(int firstToken, int tokens) {
        if (firstToken != ended) {
            throw new IllegalStateException("Token " + firstToken + " does not follow " + ended + ".");
        }
        blockStart = firstToken;
        blockTokens = tokens;
        int words = tokens * chunksPerStep * ChunkCompressor.CV_WORDS;
        if (block.length < words) {
            block = new int[words];
        }
    }

    /** Chunks of a trace's records, gathered until there are enough to fill the lanes of a vector. One for each thread. */
    public final class Gathered {
        private static final int MOST_CHUNKS = 64;

        private final Hashing hashing = new Hashing(key);
        private final byte[] bytes;
        private final MemorySegment segment;
        private final long[] chunks;
        private int[] cvs = new int[0];
        private int count;

        private Gathered() {
            int most = Math.max(
                    MOST_CHUNKS, Math.max(layout.recordBytes(), layout.finalBytes()) / ChunkCompressor.CHUNK_BYTES);
            this.bytes = new byte[most * ChunkCompressor.CHUNK_BYTES];
            this.segment = MemorySegment.ofArray(bytes);
            this.chunks = new long[most];
        }

        /**
         * Room for record (token, layer), layer L the final one, which is hashed once more is gathered or {@link #flush} is called.
         *
         * @return where its bytes go in {@link #bytes}; the padding there is not cleared.
         */
        public int add(int token, int layer) {
            int size = layer == layout.layers() ? layout.finalBytes() : layout.recordBytes();
            int needed = size / ChunkCompressor.CHUNK_BYTES;
            if (count + needed > chunks.length) {
                flush();
            }
            int at = count * ChunkCompressor.CHUNK_BYTES;
            long first = layout.offset(token, layer) / ChunkCompressor.CHUNK_BYTES;
            for (int i = 0; i < needed; i++) {
                chunks[count++] = first + i;
            }
            return at;
        }

        public MemorySegment bytes() {
            return segment;
        }

        /** Forgets what was gathered. */
        public void clear() {
            count = 0;
        }

        /** Hashes what was gathered. */
        public void flush() {
            int words = count * ChunkCompressor.CV_WORDS;
            if (cvs.length < words) {
                cvs = new int[chunks.length * ChunkCompressor.CV_WORDS];
            }
            hashing.chunks(segment, count, chunks, cvs);
            long start = layout.offset(blockStart, 0) / ChunkCompressor.CHUNK_BYTES;
            for (int i = 0; i < count; i++) {
                System.arraycopy(
                        cvs,
                        i * ChunkCompressor.CV_WORDS,
                        block,
                        (int) (chunks[i] - start) * ChunkCompressor.CV_WORDS,
                        ChunkCompressor.CV_WORDS);
            }
            count = 0;
        }
    }

    /** A new gatherer; several may work on one block at once. */
    public Gathered gather() {
        return new Gathered();
    }

    /** Chaining values of token {@code token} of the current block, all its records hashed: to keep beside a shared prefix. */
    public void copyStep(int token, int[] target, int offset) {
        int words = chunksPerStep * ChunkCompressor.CV_WORDS;
        System.arraycopy(block, (token - blockStart) * words, target, offset, words);
    }

    /** The reverse of {@link #copyStep}: a token of the current block whose records were hashed before. */
    public void putStep(int token, int[] source, int offset) {
        int words = chunksPerStep * ChunkCompressor.CV_WORDS;
        System.arraycopy(source, offset, block, (token - blockStart) * words, words);
    }

    /** Words of one token's chaining values. */
    public int stepWords() {
        return chunksPerStep * ChunkCompressor.CV_WORDS;
    }

    /** Joins the block, all of whose records are hashed, to the tree. */
    public void end() {
        for (int i = 0; i < blockTokens * chunksPerStep; i++) {
            tree.push(block, i * ChunkCompressor.CV_WORDS);
        }
        ended = blockStart + blockTokens;
    }

    /** The trace root, given the header of {@link TraceLayout#HEADER_BYTES} bytes. */
    public byte[] root(byte[] header) {
        int[] first = new int[ChunkCompressor.CV_WORDS];
        hashing.chunks(MemorySegment.ofArray(header), 0, first, 0);
        return tree.root(first);
    }
}
