package io.plumbline.verifier.blake3;

/**
 * A message's hash tree down to groups of 16 chunks, the leaves of outboards and of verified ranges. The tree's nodes
 * above the groups are the message's own BLAKE3 nodes, so its root is the message's hash.
 *
 * <p>An outboard has the two chaining values of each parent, 64 bytes, in post-order: the left subtree's, the right
 * one's, the parent itself; the root is the last. It is a 256th of the message. Source of shape and order: Bao
 * (github.com/oconnor663/bao) with chunk groups as iroh has them.
 */
public final class ChunkGroups {
    /** Chunks in a group. */
    public static final int CHUNKS = 1 << 4;

    /** Bytes in a group, but for a message's last. */
    public static final int BYTES = CHUNKS * ChunkCompressor.CHUNK_BYTES;

    /** Bytes of a parent: the chaining values of its children. */
    public static final int PARENT_BYTES = 64;

    /** Longest message: chunks are counted by int. */
    public static final long MOST_MESSAGE_BYTES =
            (1L << 31) * ChunkCompressor.CHUNK_BYTES - ChunkCompressor.CHUNK_BYTES;

    private ChunkGroups() {}

    /**
     * How many groups a message has; an empty one has an empty group.
     *
     * @param messageBytes 0 to {@link #MOST_MESSAGE_BYTES}.
     */
    public static int count(long messageBytes) {
        if (messageBytes < 0 || messageBytes > MOST_MESSAGE_BYTES) {
            throw new IllegalArgumentException(
                    "A message has 0 to " + MOST_MESSAGE_BYTES + " bytes, not " + messageBytes + ".");
        }
        return (int) Math.max(1, (messageBytes + BYTES - 1) / BYTES);
    }

    /** Bytes of a group of the message. */
    public static int bytes(long messageBytes, int group) {
        return (int) Math.min(BYTES, messageBytes - (long) group * BYTES);
    }

    /** Bytes of a message's outboard: 0 where it has one group. */
    public static long outboardBytes(long messageBytes) {
        return (long) PARENT_BYTES * (count(messageBytes) - 1);
    }

    /** Groups of the left child of a node over {@code groups}, at least 2: the largest power of two below. */
    static int left(int groups) {
        return Integer.highestOneBit(groups - 1);
    }
}
