package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Which groups of a blob are there. For several threads at once. */
final class GroupSet {
    private final long blobBytes;
    private final int groups;
    private final BitSet present;

    GroupSet(long blobBytes) {
        this(blobBytes, new BitSet());
    }

    private GroupSet(long blobBytes, BitSet present) {
        this.blobBytes = blobBytes;
        this.groups = ChunkGroups.count(blobBytes);
        this.present = present;
    }

    /**
     * Adds whole groups, or the blob's last, that follow each other.
     *
     * @return bytes of those that were not there: two sources may give the same.
     */
    synchronized long add(long position, int bytes) {
        long before = bytes();
        int first = (int) (position / ChunkGroups.BYTES);
        present.set(first, first + ChunkGroups.count(bytes));
        return bytes() - before;
    }

    /** Takes all groups out that a range touches. */
    synchronized void remove(ByteRange range) {
        int end = (int) Math.max(
                range.from() / ChunkGroups.BYTES + 1, (range.to() + ChunkGroups.BYTES - 1) / ChunkGroups.BYTES);
        present.clear((int) (range.from() / ChunkGroups.BYTES), Math.min(groups, end));
    }

    synchronized void addAll() {
        present.set(0, groups);
    }

    synchronized boolean isWhole() {
        return present.cardinality() == groups;
    }

    /** Bytes that are there. */
    synchronized long bytes() {
        long all = (long) present.cardinality() * ChunkGroups.BYTES;
        boolean hasLast = present.get(groups - 1);
        return hasLast ? all - ChunkGroups.BYTES + ChunkGroups.bytes(blobBytes, groups - 1) : all;
    }

    /**
     * Ranges that are not there.
     *
     * @param longest bytes of one range, whole groups.
     * @param most ranges.
     */
    synchronized List<ByteRange> missing(long longest, int most) {
        List<ByteRange> missing = new ArrayList<>();
        int at = present.nextClearBit(0);
        while (at < groups && missing.size() < most) {
            int set = present.nextSetBit(at);
            long end = Math.min(set < 0 ? groups : set, at + longest / ChunkGroups.BYTES);
            missing.add(new ByteRange((long) at * ChunkGroups.BYTES, Math.min(blobBytes, end * ChunkGroups.BYTES)));
            at = present.nextClearBit((int) end);
        }
        return missing;
    }

    /**
     * The part of a range from the first group that is not there to the last.
     *
     * @param range of whole groups, but for the blob's end.
     * @return null where all of it is there.
     */
    synchronized ByteRange missing(ByteRange range) {
        int first = present.nextClearBit((int) (range.from() / ChunkGroups.BYTES));
        int last = present.previousClearBit((int) (Math.max(range.from(), range.to() - 1) / ChunkGroups.BYTES));
        return first > last
                ? null
                : new ByteRange(
                        (long) first * ChunkGroups.BYTES, Math.min(range.to(), (last + 1L) * ChunkGroups.BYTES));
    }

    synchronized byte[] encode() {
        byte[] bits = present.toByteArray();
        return ByteBuffer.allocate(8 + bits.length).putLong(blobBytes).put(bits).array();
    }

    /** Reads what {@link #encode} gave; null where it is of a blob of another length, or none. */
    static GroupSet decode(long blobBytes, byte[] encoded) {
        if (encoded.length < 8 || ByteBuffer.wrap(encoded).getLong() != blobBytes) {
            return null;
        }
        BitSet present = BitSet.valueOf(ByteBuffer.wrap(encoded).position(8));
        return present.length() > ChunkGroups.count(blobBytes) ? null : new GroupSet(blobBytes, present);
    }
}
