package io.plumbline.verifier.blake3;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedChannelException;

/**
 * Compares a kept message and its outboard with the message's hash, from the root down. What lies below a parent that
 * is wrong cannot be proven by this outboard and counts as damaged, and so does what cannot be read; a file that is
 * closed meanwhile, as an interrupt does it, says nothing of its bytes and ends the search.
 */
public final class DamageSearch {
    /** Hears of ranges in ascending order, each once. */
    public interface Listener {
        /** The bytes from {@code from} to {@code to}, exclusive, are the message's. */
        void good(long from, long to);

        /** The bytes from {@code from} to {@code to}, exclusive, are not proven. */
        void damaged(long from, long to);
    }

    private final long messageBytes;
    private final int groups;
    private final Outboard.Source message;
    private final Outboard.Source outboard;
    private final Listener listener;
    private final GroupHasher hasher = new GroupHasher();
    private final byte[] group = new byte[ChunkGroups.BYTES];
    private final MemorySegment groupSegment = MemorySegment.ofArray(group);
    private final int[] computed = new int[8];

    private DamageSearch(long messageBytes, Outboard.Source message, Outboard.Source outboard, Listener listener) {
        this.messageBytes = messageBytes;
        this.groups = ChunkGroups.count(messageBytes);
        this.message = message;
        this.outboard = outboard;
        this.listener = listener;
    }

    /**
     * Reads all of a message.
     *
     * @param id the message's hash, 32 bytes.
     * @param message its bytes as they are kept; what it throws counts as damage.
     * @param outboard its outboard as it is kept; what it throws counts as damage.
     * @throws ClosedChannelException where either was closed before the end.
     */
    public static void run(
            byte[] id, long messageBytes, Outboard.Source message, Outboard.Source outboard, Listener listener)
            throws ClosedChannelException {
        int[] root = new int[8];
        Compression.toWords(id, 0, 8, root, 0);
        DamageSearch search = new DamageSearch(messageBytes, message, outboard, listener);
        search.node(0, search.groups, search.groups - 1L, root, 0);
    }

    private void node(int from, int to, long parentsEnd, int[] expected, int offset) throws ClosedChannelException {
        long first = (long) from * ChunkGroups.BYTES;
        long end = Math.min(messageBytes, (long) to * ChunkGroups.BYTES);
        if (to - from == 1) {
            if (isGroup(from, (int) (end - first), expected, offset)) {
                listener.good(first, end);
            } else {
                listener.damaged(first, end);
            }
            return;
        }
        int[] pair = parent(parentsEnd - 1, to - from == groups, expected, offset);
        if (pair == null) {
            listener.damaged(first, end);
            return;
        }
        int middle = from + ChunkGroups.left(to - from);
        node(from, middle, parentsEnd - (to - middle), pair, 0);
        node(middle, to, parentsEnd - 1, pair, 8);
    }

    private boolean isGroup(int index, int bytes, int[] expected, int offset) throws ClosedChannelException {
        try {
            message.read((long) index * ChunkGroups.BYTES, group, 0, bytes);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            return false;
        }
        if (groups == 1) {
            Compression.toWords(Blake3.hash(groupSegment.asSlice(0, bytes)), 0, 8, computed, 0);
        } else {
            hasher.group(groupSegment, 0, bytes, index, computed, 0);
        }
        return GroupHasher.equal(computed, 0, expected, offset);
    }

    /** The children's values of a parent; null where it is not the one that is expected. */
    private int[] parent(long index, boolean isRoot, int[] expected, int offset) throws ClosedChannelException {
        byte[] bytes = new byte[ChunkGroups.PARENT_BYTES];
        try {
            outboard.read(index * bytes.length, bytes, 0, bytes.length);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            return null;
        }
        int[] pair = new int[16];
        Compression.toWords(bytes, 0, 16, pair, 0);
        hasher.parent(pair, 0, pair, 8, isRoot, computed, 0);
        return GroupHasher.equal(computed, 0, expected, offset) ? pair : null;
    }
}
