package io.plumbline.verifier.trace;

import io.plumbline.verifier.blake3.ChunkCompressor;
import io.plumbline.verifier.blake3.ChunkTree;
import io.plumbline.verifier.blake3.Hashing;
import io.plumbline.verifier.blake3.SubtreeRun;
import io.plumbline.verifier.blake3.Subtrees;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.Executor;

/**
 * The running commitment to a trace. Records may be hashed in any order inside a block of tokens (an engine works
 * layer by layer); a finished block joins the tree and nothing of it is kept. It may join while the next block is
 * worked on: there is memory for the digests of two.
 *
 * <p>A token's part of the tree is its digest: the {@link Subtrees} of the chunks that do not depend on what was
 * chosen after it, then the chunks that do, as they are when nothing was. A device computes digests itself; a cache
 * keeps them beside keys and values.
 *
 * <p>One caller at a time, beside the threads that {@link #end(Executor)} and {@link #gather} speak of.
 */
public final class TraceHasher {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int WORDS = ChunkCompressor.CV_WORDS;

    /** Memory for more than this many times a block's digests is let go: a prompt's is not kept beside its answer. */
    private static final int MOST_SPARE = 64;

    /** Subtrees that are joined at once: more would fill no more lanes, and need scratch memory. */
    private static final int MOST_JOINED = 4_096;

    private final TraceLayout layout;
    private final int stepChunks;
    private final int tailChunks;
    private final int digestWords;
    private final byte[] key;
    private final Hashing hashing;
    private final ChunkTree tree;
    private final MemorySegment tail;
    private final int[] tailCvs;
    private int[] chunks = new int[0];
    private int[] digests = new int[0];
    private int blockStart;
    private int blockTokens;
    private int ended;

    // These four and the tree belong to the thread that holds this hasher's lock.
    private int[] handed = new int[0];
    private int handedStart;
    private int handedTokens;
    private Throwable failure;

    private final Runnable fold = this::fold;

    /** @param key of the node's trace hashes, see {@link TraceLayout#keyOf}. */
    public TraceHasher(TraceLayout layout, byte[] key) {
        this.layout = layout;
        this.stepChunks = layout.stepChunks();
        this.tailChunks = layout.tailChunks();
        this.tail = MemorySegment.ofArray(new byte[tailChunks * ChunkCompressor.CHUNK_BYTES]);
        this.tailCvs = new int[tailChunks * WORDS];
        this.digestWords = digestWords(layout);
        this.key = key;
        this.hashing = new Hashing(key);
        this.tree = new ChunkTree(key, true);
    }

    /** Words of a digest, some of which may go unused. */
    public static int digestWords(TraceLayout layout) {
        return (Subtrees.most(layout.stepChunks() - layout.tailChunks()) + layout.tailChunks()) * WORDS;
    }

    /**
     * Starts the block of {@code tokens} tokens that follows the last one ended; again, where it could not be ended.
     */
    public void begin(int firstToken, int tokens) {
        if (firstToken != ended) {
            throw new IllegalStateException("Token " + firstToken + " does not follow " + ended + ".");
        }
        blockStart = firstToken;
        blockTokens = tokens;
        int words = tokens * digestWords;
        if (digests.length < words || digests.length / MOST_SPARE > words) {
            digests = new int[words];
        }
    }

    /**
     * Chunks of a trace's records, gathered until there are enough to fill the lanes of a vector. One for each
     * thread.
     */
    public final class Gathered {
        private static final int MOST_CHUNKS = 64;

        private final Hashing hashing = new Hashing(key);
        private final byte[] bytes;
        private final MemorySegment segment;
        private final long[] indices;
        private int[] cvs = new int[0];
        private int count;

        private Gathered() {
            int most = Math.max(MOST_CHUNKS, layout.widestBytes() / ChunkCompressor.CHUNK_BYTES);
            this.bytes = new byte[most * ChunkCompressor.CHUNK_BYTES];
            this.segment = MemorySegment.ofArray(bytes);
            this.indices = new long[most];
        }

        /**
         * Room for record (token, layer), layer L the final one, which is hashed once more is gathered or {@link
         * #flush} is called.
         *
         * @return where its bytes go in {@link #bytes}; the padding there is not cleared.
         */
        public int add(int token, int layer) {
            int size = layer == layout.layers() ? layout.finalBytes() : layout.recordBytes(layer);
            int needed = size / ChunkCompressor.CHUNK_BYTES;
            if (count + needed > indices.length) {
                flush();
            }
            int at = count * ChunkCompressor.CHUNK_BYTES;
            long first = layout.offset(token, layer) / ChunkCompressor.CHUNK_BYTES;
            for (int i = 0; i < needed; i++) {
                indices[count++] = first + i;
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
            if (cvs.length < count * WORDS) {
                cvs = new int[indices.length * WORDS];
            }
            hashing.chunks(segment, count, indices, cvs);
            long start = layout.offset(blockStart, 0) / ChunkCompressor.CHUNK_BYTES;
            for (int i = 0; i < count; i++) {
                System.arraycopy(cvs, i * WORDS, chunks, (int) (indices[i] - start) * WORDS, WORDS);
            }
            count = 0;
        }
    }

    /** A new gatherer; several may work on one block at once, once {@link #gathering} was called for it. */
    public Gathered gather() {
        return new Gathered();
    }

    /** Makes room for the chunks of the block that was begun. */
    public void gathering() {
        int words = blockTokens * stepChunks * WORDS;
        if (chunks.length < words) {
            chunks = new int[words];
        }
    }

    private long firstChunk(int token) {
        return layout.offset(token, 0) / ChunkCompressor.CHUNK_BYTES;
    }

    private int subtrees(int token) {
        long first = firstChunk(token);
        return Subtrees.count(first, first + stepChunks - tailChunks);
    }

    /** Makes digests of the block's chunks, all of them gathered and flushed. */
    public void reduce() {
        for (int i = 0; i < blockTokens; i++) {
            int token = blockStart + i;
            long first = firstChunk(token);
            int at = i * stepChunks * WORDS;
            int body = stepChunks - tailChunks;
            int digest = i * digestWords;
            hashing.reduce(chunks, at, first, first + body, digests, digest);
            System.arraycopy(chunks, at + body * WORDS, digests, digest + subtrees(token) * WORDS, tailChunks * WORDS);
        }
    }

    /** Words of one token's digest. */
    public int digestWords() {
        return digestWords;
    }

    /** The digest of a token of the current block, before {@link #choose}: to keep beside a shared prefix. */
    public void copyDigest(int token, int[] target, int offset) {
        System.arraycopy(digests, (token - blockStart) * digestWords, target, offset, digestWords);
    }

    /** The reverse of {@link #copyDigest}: a token of the current block that was hashed elsewhere or before. */
    public void putDigest(int token, int[] source, int offset) {
        System.arraycopy(source, offset, digests, (token - blockStart) * digestWords, digestWords);
    }

    /**
     * Writes into a token's digest what was chosen after it.
     *
     * @param residuals the last {@link TraceLayout#tailFloats} of its residuals, from {@code offset}.
     */
    public void choose(int token, float[] residuals, int offset, int id, int chosen, float logit) {
        int floats = layout.tailFloats();
        MemorySegment.copy(residuals, offset, tail, FLOAT, 0, floats);
        tail.set(INT, 4L * floats, id);
        tail.set(INT, 4L * floats + 4, chosen);
        tail.set(FLOAT, 4L * floats + 8, logit);
        hashing.chunks(tail, firstChunk(token) + stepChunks - tailChunks, tailCvs, 0);
        int at = (token - blockStart) * digestWords + subtrees(token) * WORDS;
        System.arraycopy(tailCvs, 0, digests, at, tailChunks * WORDS);
    }

    /**
     * Shortens the block to its first {@code tokens} tokens, of which there is one at least: the others were computed
     * on a guess that did not come true, and the next block begins in their place.
     */
    public void cut(int tokens) {
        if (tokens < 1 || tokens > blockTokens) {
            throw new IllegalArgumentException(
                    "A block of " + blockTokens + " tokens cannot be cut to " + tokens + ".");
        }
        blockTokens = tokens;
    }

    /**
     * Joins the block, all of whose digests are known, to the tree.
     *
     * @throws IllegalStateException when this block or an earlier one could not be joined.
     */
    public void end() {
        handOver();
        await();
    }

    /**
     * The same, by {@code by}, while the caller goes on. The block before has joined when this returns.
     *
     * @param by may run what it is given on any thread, late, or never: a caller that needs the block joined does what
     *     was not begun itself.
     * @throws IllegalStateException when an earlier block could not be joined; this one was not ended then.
     */
    public void end(Executor by) {
        handOver();
        by.execute(fold);
    }

    /**
     * Returns when all blocks ended so far have joined the tree.
     *
     * @throws IllegalStateException when one could not be joined: this trace has no root.
     */
    public synchronized void await() {
        fold();
        switch (failure) {
            case null -> {}
            case Error e -> throw e;
            default -> throw new IllegalStateException("A block of the trace could not join its tree.", failure);
        }
    }

    private synchronized void handOver() {
        await();
        int[] spare = handed;
        handed = digests;
        handedStart = blockStart;
        handedTokens = blockTokens;
        digests = spare;
        ended = blockStart + blockTokens;
    }

    /** Joins the block that was handed over, if that was not done. */
    private synchronized void fold() {
        int tokens = handedTokens;
        // Whatever comes of it: half a block must not be joined twice.
        handedTokens = 0;
        try {
            push(tokens);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
    }

    private void push(int tokens) {
        // One token's subtrees fill no lanes, and are pushed without scratch memory.
        int most = Math.min(MOST_JOINED, tokens * digestWords / WORDS);
        SubtreeRun run = tokens > 1 ? new SubtreeRun(tree, handed, most) : null;
        for (int i = 0; i < tokens; i++) {
            long first = firstChunk(handedStart + i);
            long to = first + stepChunks - tailChunks;
            int at = i * digestWords;
            for (long chunk = first; chunk < to; at += WORDS) {
                int level = Subtrees.level(chunk, to);
                push(run, at, level);
                chunk += 1L << level;
            }
            for (int t = 0; t < tailChunks; t++, at += WORDS) {
                push(run, at, 0);
            }
        }
        if (run != null) {
            run.flush();
        }
    }

    private void push(SubtreeRun run, int at, int level) {
        if (run == null) {
            tree.push(handed, at, level);
        } else {
            run.push(at, level);
        }
    }

    /**
     * The trace root, given the header of {@link TraceLayout#HEADER_BYTES} bytes.
     *
     * @throws IllegalStateException when a block could not be joined.
     */
    public synchronized byte[] root(byte[] header) {
        await();
        int[] first = new int[WORDS];
        hashing.chunks(MemorySegment.ofArray(header), 0, first, 0);
        return tree.root(first);
    }
}
