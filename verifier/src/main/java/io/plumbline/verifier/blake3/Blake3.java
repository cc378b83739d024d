package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * BLAKE3, streaming: plain, keyed and key derivation, any output length. {@code b3sum} gives the same.
 *
 * <p>Not thread-safe. Source: https://github.com/BLAKE3-team/BLAKE3-specs, checked against its official test vectors.
 */
public final class Blake3 {
    /** Bytes of a digest. */
    public static final int HASH_BYTES = 32;

    /** Chunks that are gathered before the vector form runs. */
    private static final int BATCH = 64;

    /** Up to here one message alone is faster without vectors. */
    private static final int ALONE_BYTES = 384;

    private static final int BUFFER_BYTES = BATCH * ChunkCompressor.CHUNK_BYTES;

    private static final int[] PLAIN_KEY = Compression.iv();

    private final int[] key;
    private final int flags;
    private final ChunkCompressor compressor;
    private final ChunkTree tree;
    private byte[] buffer = new byte[ChunkCompressor.CHUNK_BYTES];
    private final long[] counters = new long[BATCH];
    private final int[] cvs = new int[BATCH * ChunkCompressor.CV_WORDS];
    private int buffered;

    private Blake3(int[] key, int flags, ChunkCompressor compressor) {
        this.key = key;
        this.flags = flags;
        this.compressor = compressor;
        this.tree = new ChunkTree(key, flags);
    }

    public static Blake3 plain() {
        return new Blake3(Compression.iv(), 0, ChunkCompressor.best());
    }

    /** A plain hash by the given compressor, for tests and benchmarks that compare them. */
    public static Blake3 plain(ChunkCompressor compressor) {
        return new Blake3(Compression.iv(), 0, compressor);
    }

    /** @param key 32 bytes. */
    public static Blake3 keyed(byte[] key) {
        return new Blake3(ChunkTree.keyWords(key), Compression.KEYED_HASH, ChunkCompressor.best());
    }

    /** Key derivation: what is hashed is key material, {@code context} says what the derived key is for. */
    public static Blake3 deriveKey(String context) {
        return new Domain(context).hasher();
    }

    /** @param words of a context's key. */
    static Blake3 derived(int[] words) {
        return new Blake3(words, Compression.DERIVE_KEY_MATERIAL, ChunkCompressor.best());
    }

    static Blake3 context() {
        return new Blake3(Compression.iv(), Compression.DERIVE_KEY_CONTEXT, ChunkCompressor.best());
    }

    /** The 32-byte hash of {@code bytes}. */
    public static byte[] hash(byte[] bytes) {
        // Trees hash millions of short messages: they need none of a hasher's buffers.
        return bytes.length <= ALONE_BYTES
                ? Domain.alone(PLAIN_KEY, 0, bytes)
                : plain().digestOf(MemorySegment.ofArray(bytes));
    }

    /** The 32-byte hash of all bytes of {@code in}, on the heap or mapped. */
    public static byte[] hash(MemorySegment in) {
        return plain().digestOf(in);
    }

    /**
     * Hashes of many small messages at once, as many bytes each, one after the other.
     *
     * @param in of {@code count * bytes} bytes.
     * @param bytes of each, at most 1,024.
     * @return 32 bytes each.
     */
    public static byte[] hashEach(MemorySegment in, int count, int bytes) {
        return hashEach(PLAIN_KEY, 0, in, count, bytes);
    }

    static byte[] hashEach(int[] key, int flags, MemorySegment in, int count, int bytes) {
        if (bytes < 0 || bytes > ChunkCompressor.CHUNK_BYTES || in.byteSize() != (long) count * bytes) {
            throw new IllegalArgumentException(in.byteSize() + " bytes are not " + count + " messages of " + bytes
                    + " bytes, at most 1,024 each.");
        }
        int[] words = new int[Math.multiplyExact(count, ChunkCompressor.CV_WORDS)];
        ChunkCompressor.best().messages(key, flags, in, 0, count, bytes, words);
        byte[] hashes = new byte[HASH_BYTES * count];
        Compression.toBytes(words, 0, words.length, hashes, 0);
        return hashes;
    }

    /** The digest of a whole message that is at hand: nothing of it is copied. Nothing was appended before. */
    private byte[] digestOf(MemorySegment in) {
        if (in.byteSize() <= ChunkCompressor.CHUNK_BYTES && in.byteSize() > ALONE_BYTES) {
            int[] words = new int[ChunkCompressor.CV_WORDS];
            compressor.messages(key, flags, in, 0, 1, (int) in.byteSize(), words);
            byte[] hash = new byte[HASH_BYTES];
            Compression.toBytes(words, 0, words.length, hash, 0);
            return hash;
        }
        long whole = Math.max(0, (in.byteSize() - 1) / ChunkCompressor.CHUNK_BYTES);
        for (long at = 0; at < whole; at += BATCH) {
            compress(in, at * ChunkCompressor.CHUNK_BYTES, (int) Math.min(BATCH, whole - at));
        }
        long start = whole * ChunkCompressor.CHUNK_BYTES;
        int rest = (int) (in.byteSize() - start);
        Node last = Node.chunk(key, flags, in, start, rest, whole, new int[16], new int[16]);
        return tree.finish(last).rootBytes(HASH_BYTES);
    }

    /** The hash in lower-case hexadecimal, as {@code b3sum} prints it. */
    public static String hex(byte[] hash) {
        return HexFormat.of().formatHex(hash);
    }

    public Blake3 update(byte[] bytes) {
        return update(MemorySegment.ofArray(bytes));
    }

    /** Appends all bytes of {@code in}, on the heap or mapped. */
    public Blake3 update(MemorySegment in) {
        long at = 0;
        long size = in.byteSize();
        while (at < size) {
            if (buffered == BUFFER_BYTES) {
                compress(MemorySegment.ofArray(buffer), 0, BATCH);
                buffered = 0;
            }
            // The last byte of all must stay back: its chunk may be the root.
            while (buffered == 0 && size - at > BUFFER_BYTES) {
                compress(in, at, BATCH);
                at += BUFFER_BYTES;
            }
            int take = (int) Math.min(BUFFER_BYTES - buffered, size - at);
            reserve(buffered + take);
            MemorySegment.copy(in, ValueLayout.JAVA_BYTE, at, buffer, buffered, take);
            buffered += take;
            at += take;
        }
        return this;
    }

    /** Appends a whole subtree of the message, see {@link ChunkTree#push(int[], int, int)}. Nothing may be buffered. */
    void append(int[] cvs, int offset, int level) {
        tree.push(cvs, offset, level);
    }

    /** Most messages are short: the buffer grows to a batch only for those that fill it. */
    private void reserve(int bytes) {
        if (buffer.length < bytes) {
            buffer = Arrays.copyOf(buffer, Math.min(BUFFER_BYTES, Math.max(bytes, 2 * buffer.length)));
        }
    }

    private void compress(MemorySegment in, long offset, int count) {
        for (int i = 0; i < count; i++) {
            counters[i] = tree.chunks() + i;
        }
        compressor.chunks(key, flags, in, offset, count, counters, 0, cvs, 0);
        long first = tree.chunks();
        for (long at = first; at < first + count; ) {
            int level = Subtrees.level(at, first + count);
            int base = (int) (at - first) * ChunkCompressor.CV_WORDS;
            Subtrees.reduce(compressor, key, flags, cvs, base, level);
            tree.push(cvs, base, level);
            at += 1L << level;
        }
    }

    /** The 32-byte digest. The hasher must not be used afterwards. */
    public byte[] digest() {
        return digest(HASH_BYTES);
    }

    /** {@code bytes} bytes of the extendable output. The hasher must not be used afterwards. */
    public byte[] digest(int bytes) {
        int whole = Math.max(0, (buffered - 1) / ChunkCompressor.CHUNK_BYTES);
        MemorySegment rest = MemorySegment.ofArray(buffer);
        compress(rest, 0, whole);
        int start = whole * ChunkCompressor.CHUNK_BYTES;
        Node last = Node.chunk(key, flags, rest, start, buffered - start, tree.chunks(), new int[16], new int[16]);
        byte[] result = tree.finish(last).rootBytes(bytes);
        Arrays.fill(buffer, (byte) 0);
        return result;
    }
}
