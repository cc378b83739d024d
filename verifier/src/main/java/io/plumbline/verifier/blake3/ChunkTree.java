package io.plumbline.verifier.blake3;

import java.util.ArrayList;
import java.util.List;

/**
 * Builds the root from chunk chaining values that arrive in order, keeping one value per tree level.
 *
 * <p>The first chunk may be deferred: its value is given only at the end. A trace's header holds the token count,
 * which is known when the answer is over; everything after it is hashed before. The values that will be joined to the
 * left spine are kept, one a level.
 */
public final class ChunkTree {
    private final int[] key;
    private final int flags;
    private final boolean firstDeferred;
    private final List<int[]> stack = new ArrayList<>();
    private final List<int[]> spineSiblings = new ArrayList<>();
    private final List<int[]> spare = new ArrayList<>();
    private final int[] words = new int[16];
    private final int[] scratch = new int[16];
    private long chunks;

    /**
     * @param key 32 bytes for the keyed hash, or null for the plain one.
     * @param firstDeferred whether the first chunk's value comes last.
     */
    public ChunkTree(byte[] key, boolean firstDeferred) {
        this.key = keyWords(key);
        this.flags = keyFlags(key);
        this.firstDeferred = firstDeferred;
        if (firstDeferred) {
            stack.add(null);
            chunks = 1;
        }
    }

    ChunkTree(int[] key, int flags) {
        this.key = key;
        this.flags = flags;
        this.firstDeferred = false;
    }

    /** Initial words for a key of 32 bytes, or for none. */
    static int[] keyWords(byte[] key) {
        if (key == null) {
            return Compression.iv();
        }
        if (key.length != 32) {
            throw new IllegalArgumentException("A BLAKE3 key has 32 bytes, not " + key.length + ".");
        }
        int[] words = new int[8];
        Compression.toWords(key, 0, 8, words, 0);
        return words;
    }

    static int keyFlags(byte[] key) {
        return key == null ? 0 : Compression.KEYED_HASH;
    }

    /** Chunks that the tree spans so far, a deferred one included. */
    public long chunks() {
        return chunks;
    }

    /** Appends the next chunk's 8 words. */
    public void push(int[] cvs, int offset) {
        push(cvs, offset, 0);
    }

    /**
     * Appends a whole subtree's 8 words.
     *
     * @param level of the subtree, of {@code 1 << level} chunks; the chunks before it are a multiple of that.
     */
    public void push(int[] cvs, int offset, int level) {
        mergeFor(chunks);
        // A trace has hundreds of chunks a token: what merging leaves over is used again.
        int[] cv = spare.isEmpty() ? new int[8] : spare.removeLast();
        System.arraycopy(cvs, offset, cv, 0, 8);
        stack.add(cv);
        chunks += 1L << level;
    }

    /** Replaces {@code count} pairs of neighbours, 16 words each, by their parents, none of which is the root. */
    void parents(int[] pairs, int count) {
        ChunkCompressor.best().parents(key, flags, pairs, 0, count, pairs, 0);
    }

    /**
     * Merges only what more chunks are known to follow: the last merge of all is the root's and carries another flag.
     * Before chunk i is added, the stack holds one value for each bit set in i.
     */
    private void mergeFor(long index) {
        while (stack.size() > Long.bitCount(index)) {
            int[] right = stack.removeLast();
            int[] left = stack.removeLast();
            if (left == null) {
                spineSiblings.add(right);
                stack.add(null);
            } else {
                System.arraycopy(left, 0, words, 0, 8);
                System.arraycopy(right, 0, words, 8, 8);
                Compression.compress(key, 0, words, 0, 0, Compression.BLOCK_BYTES, flags | Compression.PARENT, scratch);
                System.arraycopy(scratch, 0, left, 0, 8);
                stack.add(left);
                spare.add(right);
            }
        }
    }

    /** The root of all pushed chunks, at least two with the deferred one, whose 8 words are given now. */
    public byte[] root(int[] firstChunk) {
        if (!firstDeferred || chunks < 2) {
            throw new IllegalStateException(
                    "A root with a deferred first chunk needs one and at least one more chunk.");
        }
        int[] cv = firstChunk.clone();
        for (int[] sibling : spineSiblings) {
            Node.parent(key, flags, cv, 0, sibling, 0).chainingValue(cv, 0, scratch);
        }
        stack.set(0, cv);
        int[] last = stack.removeLast();
        return fold(last).rootBytes(32);
    }

    /** The root node when {@code last} is the last chunk, not yet compressed. */
    Node finish(Node last) {
        if (stack.isEmpty()) {
            return last;
        }
        mergeFor(chunks);
        int[] cv = new int[8];
        last.chainingValue(cv, 0, scratch);
        return fold(cv);
    }

    private Node fold(int[] last) {
        int[] right = last;
        while (true) {
            Node parent = Node.parent(key, flags, stack.removeLast(), 0, right, 0);
            if (stack.isEmpty()) {
                return parent;
            }
            right = new int[8];
            parent.chainingValue(right, 0, scratch);
        }
    }
}
