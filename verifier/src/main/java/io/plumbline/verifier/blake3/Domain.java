package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * What a hash is for (BLAKE3 key derivation), worked out once. Trees hash millions of messages of 64 bytes: the
 * context's own two compressions and a streaming hasher's buffers cost six times what the message does. May be used
 * by many threads.
 */
public final class Domain {
    private final int[] key = new int[ChunkCompressor.CV_WORDS];

    public Domain(String context) {
        byte[] contextKey = Blake3.context()
                .update(context.getBytes(StandardCharsets.UTF_8))
                .digest();
        Compression.toWords(contextKey, 0, key.length, key, 0);
    }

    /** For a message that comes in pieces, or of any length. */
    public Blake3 hasher() {
        return Blake3.derived(key.clone());
    }

    /** The 32-byte hash of all parts, one after the other. */
    public byte[] hash(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        byte[] message = parts.length == 1 ? parts[0] : new byte[length];
        for (int at = 0, i = 0; parts.length > 1 && i < parts.length; at += parts[i++].length) {
            System.arraycopy(parts[i], 0, message, at, parts[i].length);
        }
        if (length > ChunkCompressor.CHUNK_BYTES) {
            return hasher().update(message).digest();
        }
        return alone(key, Compression.DERIVE_KEY_MATERIAL, message);
    }

    /**
     * Hashes of many messages of one length, by as many lanes as the processor's vectors have.
     *
     * @param messages one after the other.
     * @param count of them.
     * @param bytes of each, at most 1,024.
     * @return 32 bytes each.
     */
    public byte[] hashEach(byte[] messages, int count, int bytes) {
        MemorySegment in = MemorySegment.ofArray(messages).asSlice(0, (long) count * bytes);
        return Blake3.hashEach(key, Compression.DERIVE_KEY_MATERIAL, in, count, bytes);
    }

    /** The hash of a message of one chunk. */
    static byte[] alone(int[] key, int flags, byte[] message) {
        return Node.chunk(key, flags, MemorySegment.ofArray(message), 0, message.length, 0, new int[16], new int[16])
                .rootBytes(Blake3.HASH_BYTES);
    }
}
