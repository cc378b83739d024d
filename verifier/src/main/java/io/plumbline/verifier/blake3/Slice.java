package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Proof that given chunks are part of a message with a known BLAKE3 hash: the chunks, and the chaining values of the
 * largest subtrees that hold none of them, in order. One slice may hold any set of chunks; their paths share what
 * they have in common.
 *
 * <p>Layout: the chaining values (32 bytes each), then the chunks (1024 bytes each, the message's last one possibly
 * shorter). Its size follows from the message length and the set, so nothing in it is parsed on trust.
 */
public final class Slice {
    private final byte[] key;
    private final long messageBytes;
    private final ChunkSet set;
    private final int chunkCount;
    private final int proofCount;

    /** A slice of a message of {@code messageBytes}; {@code key} of 32 bytes, or null for the plain hash. */
    public Slice(byte[] key, long messageBytes, ChunkSet set) {
        this.key = key;
        this.messageBytes = messageBytes;
        this.set = set;
        this.chunkCount = Math.toIntExact(Math.max(1, (messageBytes + 1023) / 1024));
        if (set.last() >= chunkCount) {
            throw new IllegalArgumentException(
                    "Chunk " + set.last() + " is beyond the message of " + messageBytes + " bytes.");
        }
        if (set.size() == 0) {
            throw new IllegalArgumentException("A slice holds at least one chunk.");
        }
        this.proofCount = proofCount(0, chunkCount);
    }

    /** Bytes that this slice has, proof and chunks. */
    public long bytes() {
        return 32L * proofCount + dataBytes();
    }

    private long dataBytes() {
        long full = set.size() * 1024L;
        boolean endsShort = set.contains(chunkCount - 1);
        return endsShort ? full - (chunkCount * 1024L - messageBytes) : full;
    }

    private int proofCount(int from, int to) {
        if (!set.any(from, to)) {
            return 1;
        }
        if (to - from == 1) {
            return 0;
        }
        int middle = from + leftChunks(to - from);
        return proofCount(from, middle) + proofCount(middle, to);
    }

    private static int leftChunks(int count) {
        return Integer.highestOneBit(count - 1);
    }

    /** Gives the bytes of the message at {@code messageOffset}; called once for each run of chunks, ascending. */
    @FunctionalInterface
    public interface Source {
        void copy(long messageOffset, byte[] target, int targetOffset, int length);
    }

    /** Cuts the slice out of a message whose tree is known. */
    public byte[] cut(TreeValues tree, Source source) {
        if (tree.messageBytes() != messageBytes) {
            throw new IllegalArgumentException(
                    "The tree is of another message: " + tree.messageBytes() + " bytes, not " + messageBytes + ".");
        }
        byte[] out = new byte[Math.toIntExact(bytes())];
        int at = cutProof(tree, 0, chunkCount, out, 0, new int[8]);
        for (int c = set.next(0); c >= 0; ) {
            int end = c;
            while (set.contains(end)) {
                end++;
            }
            int length = (int) (Math.min(messageBytes, end * 1024L) - c * 1024L);
            source.copy(c * 1024L, out, at, length);
            at += length;
            c = set.next(end);
        }
        return out;
    }

    private int cutProof(TreeValues tree, int from, int to, byte[] out, int at, int[] words) {
        if (!set.any(from, to)) {
            int level = 32 - Integer.numberOfLeadingZeros(to - from - 1);
            int height = to - from == 1 ? 0 : level;
            tree.copy(height, from >> height, words, 0);
            Compression.toBytes(words, 0, 8, out, at);
            return at + 32;
        }
        if (to - from == 1) {
            return at;
        }
        int middle = from + leftChunks(to - from);
        int next = cutProof(tree, from, middle, out, at, words);
        return cutProof(tree, middle, to, out, next, words);
    }

    /**
     * Checks a slice against the message's hash.
     *
     * @param slice the bytes received.
     * @param expectedRoot 32 bytes.
     * @return the proven chunks, or null when the slice does not belong to this hash.
     */
    public Proven verify(MemorySegment slice, byte[] expectedRoot) {
        if (slice.byteSize() != bytes()) {
            return null;
        }
        int[] keyWords = ChunkTree.keyWords(key);
        int flags = ChunkTree.keyFlags(key);
        long dataOffset = 32L * proofCount;
        int count = set.size();
        long[] counters = new long[count];
        int i = 0;
        for (int c = set.next(0); c >= 0; c = set.next(c + 1)) {
            counters[i++] = c;
        }
        int lastBytes = (int) (messageBytes - (chunkCount - 1) * 1024L);
        boolean shortTail = set.contains(chunkCount - 1) && lastBytes < 1024;
        int whole = shortTail ? count - 1 : count;
        MemorySegment data = slice.asSlice(dataOffset);
        byte[] computed;
        if (chunkCount == 1) {
            computed = Node.chunk(keyWords, flags, data, 0, lastBytes, 0, new int[16], new int[16])
                    .rootBytes(32);
        } else {
            int[] leaves = new int[count * 8];
            ChunkCompressor.best().chunks(keyWords, flags, data, 0, whole, counters, 0, leaves, 0);
            if (shortTail) {
                Node.chunk(keyWords, flags, data, whole * 1024L, lastBytes, chunkCount - 1, new int[16], new int[16])
                        .chainingValue(leaves, whole * 8, new int[16]);
            }
            computed = new Rebuilt(keyWords, flags, slice, leaves).root();
        }
        if (!Arrays.equals(computed, expectedRoot)) {
            return null;
        }
        return new Proven(data, counters);
    }

    /**
     * Rebuilds chaining values from the leaves up, taking proof values and leaves in the order they were written;
     * parents of a level together, for they do not depend on each other.
     */
    private final class Rebuilt {
        private final int[] keyWords;
        private final int flags;
        private final MemorySegment slice;
        private final int[] leaves;

        /** 8 words a node. */
        private final int[] values;

        /** Nodes left, right and parent, one after the other, by level. */
        private final int[][] parents;

        private final int[] parentCount;
        private long proofAt;
        private int leafAt;
        private int nodes;

        Rebuilt(int[] keyWords, int flags, MemorySegment slice, int[] leaves) {
            this.keyWords = keyWords;
            this.flags = flags;
            this.slice = slice;
            this.leaves = leaves;
            this.values = new int[8 * 2 * (proofCount + leaves.length / 8)];
            int levels = 33 - Integer.numberOfLeadingZeros(chunkCount);
            this.parents = new int[levels][12];
            this.parentCount = new int[levels];
        }

        byte[] root() {
            int left = leftChunks(chunkCount);
            int a = place(0, left);
            int b = place(left, chunkCount);
            ChunkCompressor compressor = ChunkCompressor.best();
            int[] words = new int[0];
            for (int level = 1; level < parents.length; level++) {
                int n = parentCount[level];
                int[] these = parents[level];
                if (words.length < 24 * n) {
                    words = new int[24 * n];
                }
                for (int i = 0; i < n; i++) {
                    System.arraycopy(values, 8 * these[3 * i], words, 16 * i, 8);
                    System.arraycopy(values, 8 * these[3 * i + 1], words, 16 * i + 8, 8);
                }
                compressor.parents(keyWords, flags, words, 0, n, words, 16 * n);
                for (int i = 0; i < n; i++) {
                    System.arraycopy(words, 16 * n + 8 * i, values, 8 * these[3 * i + 2], 8);
                }
            }
            return Node.parent(keyWords, flags, values, 8 * a, values, 8 * b).rootBytes(32);
        }

        /** Gives the node over chunks {@code from} to {@code to} its place, after those below it. */
        private int place(int from, int to) {
            if (!set.any(from, to)) {
                for (int w = 0; w < 8; w++) {
                    values[8 * nodes + w] = slice.get(Compression.LE_INT, proofAt + 4L * w);
                }
                proofAt += 32;
                return nodes++;
            }
            if (to - from == 1) {
                System.arraycopy(leaves, leafAt, values, 8 * nodes, 8);
                leafAt += 8;
                return nodes++;
            }
            int middle = from + leftChunks(to - from);
            int a = place(from, middle);
            int b = place(middle, to);
            int level = 32 - Integer.numberOfLeadingZeros(to - from - 1);
            int at = 3 * parentCount[level]++;
            if (at == parents[level].length) {
                parents[level] = Arrays.copyOf(parents[level], 2 * at);
            }
            parents[level][at] = a;
            parents[level][at + 1] = b;
            parents[level][at + 2] = nodes;
            return nodes++;
        }
    }

    /** Chunks whose place in the message is proven; addressed by offset in the message. */
    public static final class Proven {
        private final MemorySegment data;

        /** Indices of the chunks in the message, ascending. */
        private final long[] chunks;

        private Proven(MemorySegment data, long[] chunks) {
            this.data = data;
            this.chunks = chunks;
        }

        /** The {@code length} bytes at {@code messageOffset}; they must lie in proven chunks. */
        public MemorySegment bytes(long messageOffset, long length) {
            if (length == 0) {
                return MemorySegment.NULL;
            }
            long first = messageOffset / 1024;
            int last = (int) ((messageOffset + length - 1) / 1024 - first);
            int at = Arrays.binarySearch(chunks, first);
            // Ascending and without repeats: as far apart in place as in index means that none between them is missing.
            if (at < 0 || at + last >= chunks.length || chunks[at + last] != first + last) {
                throw new IllegalArgumentException(
                        "Bytes " + messageOffset + " to " + (messageOffset + length) + " are not in this slice.");
            }
            return data.asSlice(at * 1024L + messageOffset % 1024, length);
        }
    }
}
