package io.plumbline.verifier.blake3;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;

/**
 * A message with its outboard ({@link ChunkGroups}), wherever both are kept: what verified ranges and slices are cut
 * from. Nothing in it is checked here, for whoever receives a range checks it against the message's hash. Not for
 * several threads at once.
 */
public final class Outboard implements TreeValues {
    /** Bytes at a place, of a message or of an outboard. */
    @FunctionalInterface
    public interface Source {
        /**
         * Reads {@code length} bytes.
         *
         * @throws IOException where there are not so many.
         */
        void read(long position, byte[] target, int targetOffset, int length) throws IOException;
    }

    private final long messageBytes;
    private final int groups;
    private final Source message;
    private final Source outboard;
    private final byte[] parent = new byte[ChunkGroups.PARENT_BYTES];
    private final byte[] group = new byte[ChunkGroups.BYTES];
    private final GroupHasher hasher = new GroupHasher();

    /**
     * @param message its bytes.
     * @param outboard its outboard's bytes.
     */
    public Outboard(long messageBytes, Source message, Source outboard) {
        this.messageBytes = messageBytes;
        this.groups = ChunkGroups.count(messageBytes);
        this.message = message;
        this.outboard = outboard;
    }

    @Override
    public long messageBytes() {
        return messageBytes;
    }

    /** The hash that the root parent gives, or, of a message of one group, its bytes. */
    public byte[] root() throws IOException {
        if (groups == 1) {
            message.read(0, group, 0, (int) messageBytes);
            return Blake3.hash(MemorySegment.ofArray(group).asSlice(0, messageBytes));
        }
        outboard.read(ChunkGroups.outboardBytes(messageBytes) - parent.length, parent, 0, parent.length);
        int[] pair = new int[16];
        Compression.toWords(parent, 0, 16, pair, 0);
        hasher.parent(pair, 0, pair, 8, true, pair, 0);
        byte[] hash = new byte[Blake3.HASH_BYTES];
        Compression.toBytes(pair, 0, 8, hash, 0);
        return hash;
    }

    @Override
    public void copy(int level, int index, int[] target, int offset) {
        try {
            long firstChunk = (long) index << level;
            if (groups > 1 && (1L << level) >= ChunkGroups.CHUNKS) {
                long first = firstChunk / ChunkGroups.CHUNKS;
                long end = Math.min(groups, first + (1L << level) / ChunkGroups.CHUNKS);
                copyNode((int) first, (int) end, target, offset);
                return;
            }
            long from = firstChunk * ChunkCompressor.CHUNK_BYTES;
            int bytes = (int) Math.min((long) ChunkCompressor.CHUNK_BYTES << level, messageBytes - from);
            message.read(from, group, 0, bytes);
            hasher.chunkRun(MemorySegment.ofArray(group), 0, bytes, firstChunk, target, offset);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The value of the node over groups {@code first} to {@code end}, which its parent has. */
    private void copyNode(int first, int end, int[] target, int offset) throws IOException {
        int from = 0;
        int to = groups;
        // Parents of the subtree at hand end here; its own is the last of them.
        long parentsEnd = groups - 1L;
        while (true) {
            int middle = from + ChunkGroups.left(to - from);
            boolean isLeft = end <= middle;
            if (isLeft ? first == from && end == middle : first == middle && end == to) {
                outboard.read(ChunkGroups.PARENT_BYTES * (parentsEnd - 1), parent, 0, parent.length);
                Compression.toWords(parent, isLeft ? 0 : 32, 8, target, offset);
                return;
            }
            if (isLeft) {
                parentsEnd -= to - middle;
                to = middle;
            } else {
                parentsEnd--;
                from = middle;
            }
        }
    }

    /** Takes a verified range's bytes in order. */
    @FunctionalInterface
    public interface Output {
        /** @param bytes to be sent from 0 to {@code length}; used again after the call. */
        void write(byte[] bytes, int length) throws IOException;
    }

    /**
     * Writes the groups that hold bytes {@code from} to {@code to} with what proves them, as {@link RangeDecoder} reads
     * it: parents before their children, left before right, groups as they stand in the message, and nothing of
     * subtrees that hold no byte of the range. In Bao's words a combined encoding's slice, without its header.
     *
     * @param to exclusive, at most the message's length; an empty range has the group that it lies in.
     */
    public void encode(long from, long to, Output output) throws IOException {
        GroupRange range = GroupRange.of(messageBytes, from, to);
        Encoder encoder = new Encoder(range, output);
        encoder.node(0, groups, groups - 1L);
        encoder.flush();
    }

    private final class Encoder {
        private static final int OUT_BYTES = 16 * ChunkGroups.BYTES;

        /** Groups of a subtree whose parents are read at once: in an outboard they lie together. */
        private static final int SUBTREE_GROUPS = 256;

        private final GroupRange range;
        private final Output output;
        private final byte[] out = new byte[OUT_BYTES];
        private int length;

        private final byte[] ahead;
        private long aheadFrom;
        private int aheadBytes;

        private final byte[] parents = new byte[SUBTREE_GROUPS * ChunkGroups.PARENT_BYTES];
        private long parentsFrom;
        private int parentsBytes;

        Encoder(GroupRange range, Output output) {
            this.range = range;
            this.output = output;
            this.ahead = new byte[(int) Math.min(OUT_BYTES, range.bytes(messageBytes))];
        }

        void node(int from, int to, long parentsEnd) throws IOException {
            if (!range.touches(from, to)) {
                return;
            }
            if (to - from == 1) {
                group(from);
                return;
            }
            parent(to - from, ChunkGroups.PARENT_BYTES * (parentsEnd - 1));
            int middle = from + ChunkGroups.left(to - from);
            node(from, middle, parentsEnd - (to - middle));
            node(middle, to, parentsEnd - 1);
        }

        private void group(int index) throws IOException {
            int bytes = ChunkGroups.bytes(messageBytes, index);
            long position = (long) index * ChunkGroups.BYTES;
            if (position < aheadFrom || position + bytes > aheadFrom + aheadBytes) {
                aheadFrom = position;
                aheadBytes = (int) Math.min(
                        ahead.length, Math.min(messageBytes, (long) range.end() * ChunkGroups.BYTES) - position);
                message.read(position, ahead, 0, aheadBytes);
            }
            append(ahead, (int) (position - aheadFrom), bytes);
        }

        /** @param position of the parent, which is the last of its subtree's. */
        private void parent(int groupsBelow, long position) throws IOException {
            if (position < parentsFrom || position >= parentsFrom + parentsBytes) {
                parentsBytes = groupsBelow > SUBTREE_GROUPS
                        ? ChunkGroups.PARENT_BYTES
                        : ChunkGroups.PARENT_BYTES * (groupsBelow - 1);
                parentsFrom = position + ChunkGroups.PARENT_BYTES - parentsBytes;
                outboard.read(parentsFrom, parents, 0, parentsBytes);
            }
            append(parents, (int) (position - parentsFrom), ChunkGroups.PARENT_BYTES);
        }

        private void append(byte[] bytes, int offset, int count) throws IOException {
            if (length + count > out.length) {
                flush();
            }
            System.arraycopy(bytes, offset, out, length, count);
            length += count;
        }

        void flush() throws IOException {
            if (length > 0) {
                output.write(out, length);
                length = 0;
            }
        }
    }
}
