package io.plumbline.verifier.blake3;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Hashes a message as it comes and writes its outboard ({@link ChunkGroups}) beside it, front to back: a parent is
 * written when its right child is complete, so nothing of the message is kept. Not for several threads at once.
 */
public final class OutboardWriter {
    /** Takes the outboard's bytes in order. */
    @FunctionalInterface
    public interface Sink {
        /** @param bytes to be written from 0 to {@code length}; used again after the call. */
        void write(byte[] bytes, int length) throws IOException;
    }

    private static final int PENDING_PARENTS = 512;

    private final Sink sink;
    private final GroupHasher hasher = new GroupHasher();
    private final byte[] group = new byte[ChunkGroups.BYTES];
    private final MemorySegment groupSegment = MemorySegment.ofArray(group);
    private final int[] values = new int[8 * GroupHasher.MOST_GROUPS];

    /** A node for each bit that is set in {@link #groups}, the largest first. */
    private final List<int[]> stack = new ArrayList<>();

    private final byte[] pending = new byte[PENDING_PARENTS * ChunkGroups.PARENT_BYTES];
    private int pendingBytes;
    private int buffered;

    /** Groups on the stack. */
    private int groups;

    public OutboardWriter(Sink sink) {
        this.sink = sink;
    }

    /**
     * Appends all of {@code in}.
     *
     * @throws IOException what the sink throws.
     * @throws IllegalArgumentException where the message becomes longer than {@link ChunkGroups#MOST_MESSAGE_BYTES}.
     */
    public void update(MemorySegment in) throws IOException {
        long size = in.byteSize();
        ChunkGroups.count((long) groups * ChunkGroups.BYTES + buffered + size);
        long at = 0;
        while (at < size) {
            if (buffered == ChunkGroups.BYTES) {
                // More follows, so it is not the only one.
                hasher.whole(groupSegment, 0, 1, groups, values, 0);
                push(values, 0);
                buffered = 0;
            }
            // The last group stays back: the only one is hashed otherwise.
            while (buffered == 0 && size - at > ChunkGroups.BYTES) {
                long whole = (size - at - 1) / ChunkGroups.BYTES;
                int count = (int) Math.min(GroupHasher.MOST_GROUPS, whole);
                hasher.whole(in, at, count, groups, values, 0);
                for (int i = 0; i < count; i++) {
                    push(values, 8 * i);
                }
                at += (long) count * ChunkGroups.BYTES;
            }
            int take = (int) Math.min(ChunkGroups.BYTES - buffered, size - at);
            MemorySegment.copy(in, ValueLayout.JAVA_BYTE, at, group, buffered, take);
            buffered += take;
            at += take;
        }
    }

    /** Merges only what a further group is known to follow, since the last merge is the root's. */
    private void push(int[] cvs, int offset) throws IOException {
        while (stack.size() > Integer.bitCount(groups)) {
            int[] right = stack.removeLast();
            int[] left = stack.getLast();
            emit(left, right);
            hasher.parent(left, 0, right, 0, false, left, 0);
        }
        int[] node = new int[8];
        System.arraycopy(cvs, offset, node, 0, 8);
        stack.add(node);
        groups++;
    }

    private void emit(int[] left, int[] right) throws IOException {
        if (pendingBytes == pending.length) {
            flush();
        }
        Compression.toBytes(left, 0, 8, pending, pendingBytes);
        Compression.toBytes(right, 0, 8, pending, pendingBytes + 32);
        pendingBytes += ChunkGroups.PARENT_BYTES;
    }

    private void flush() throws IOException {
        if (pendingBytes > 0) {
            sink.write(pending, pendingBytes);
            pendingBytes = 0;
        }
    }

    /**
     * Ends the message; the writer must not be used afterwards.
     *
     * @return its 32-byte hash.
     */
    public byte[] finish() throws IOException {
        MemorySegment last = groupSegment.asSlice(0, buffered);
        if (groups == 0) {
            return Blake3.hash(last);
        }
        hasher.group(last, 0, buffered, groups, values, 0);
        push(values, 0);
        while (stack.size() > 1) {
            int[] right = stack.removeLast();
            int[] left = stack.getLast();
            emit(left, right);
            hasher.parent(left, 0, right, 0, stack.size() == 1, left, 0);
        }
        flush();
        byte[] hash = new byte[Blake3.HASH_BYTES];
        Compression.toBytes(stack.getFirst(), 0, 8, hash, 0);
        return hash;
    }
}
