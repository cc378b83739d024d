package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Proven groups and parents on their way to disk, several in one write: a call for each parent of 64 bytes would take
 * longer than hashing what it proves. Not for several threads at once.
 */
final class GroupBatch implements RangeDecoder.Sink {
    private static final int MOST_GROUPS = 16;

    /** Parents above a group that are first met with it, at most. */
    private static final int MOST_HEIGHT = 32;

    /** Where a batch goes. */
    interface Target {
        /** Bytes of the blob. */
        void data(long position, ByteBuffer bytes) throws IOException;

        /** Bytes of its outboard. */
        void outboard(long position, ByteBuffer bytes) throws IOException;

        /** Groups that are written, with all parents that prove them. */
        void written(long position, int bytes) throws IOException;
    }

    private final Target target;
    private final byte[] groups = new byte[MOST_GROUPS * ChunkGroups.BYTES];
    private long groupsAt;
    private int groupBytes;

    /** An empty blob has one group without a byte. */
    private boolean hasGroups;

    /** Places of parents in the outboard; an outboard has fewer than 2^38 bytes, so the low bits say which it is. */
    private final long[] places = new long[MOST_GROUPS + MOST_HEIGHT];

    private final byte[] parents = new byte[places.length * ChunkGroups.PARENT_BYTES];
    private final byte[] run = new byte[parents.length];
    private int parentCount;

    GroupBatch(Target target) {
        this.target = target;
    }

    @Override
    public void group(long position, byte[] bytes, int length) throws IOException {
        if (!hasGroups) {
            hasGroups = true;
            groupsAt = position;
        }
        System.arraycopy(bytes, 0, groups, groupBytes, length);
        groupBytes += length;
        if (groupBytes > groups.length - ChunkGroups.BYTES) {
            flush();
        }
    }

    @Override
    public void parent(long position, byte[] bytes) throws IOException {
        if (parentCount == places.length) {
            flush();
        }
        System.arraycopy(bytes, 0, parents, parentCount * ChunkGroups.PARENT_BYTES, ChunkGroups.PARENT_BYTES);
        places[parentCount] = position << Byte.SIZE | parentCount;
        parentCount++;
    }

    /** Writes what has come. */
    void flush() throws IOException {
        if (hasGroups) {
            target.data(groupsAt, ByteBuffer.wrap(groups, 0, groupBytes));
        }
        flushParents();
        if (hasGroups) {
            target.written(groupsAt, groupBytes);
            hasGroups = false;
            groupBytes = 0;
        }
    }

    /** Whole subtrees lie together in an outboard, but come in another order. */
    private void flushParents() throws IOException {
        Arrays.sort(places, 0, parentCount);
        int length = 0;
        for (int i = 0; i < parentCount; i++) {
            long position = places[i] >> Byte.SIZE;
            int which = (int) (places[i] & 0xFF);
            System.arraycopy(parents, which * ChunkGroups.PARENT_BYTES, run, length, ChunkGroups.PARENT_BYTES);
            length += ChunkGroups.PARENT_BYTES;
            if (i + 1 == parentCount || places[i + 1] >> Byte.SIZE != position + ChunkGroups.PARENT_BYTES) {
                target.outboard(position + ChunkGroups.PARENT_BYTES - length, ByteBuffer.wrap(run, 0, length));
                length = 0;
            }
        }
        parentCount = 0;
    }
}
