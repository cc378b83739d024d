package io.plumbline.verifier.blake3;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;

/**
 * Checks a verified range ({@link Outboard#encode}) as it arrives: every parent and every group is compared with what
 * the message's hash says before it is handed on, so that a wrong byte is found within 16 KiB and nothing unproven is
 * used. The length of the message is proven where the range holds its last group. Not for several threads at once.
 */
public final class RangeDecoder {
    /** Takes what is proven, in the order in which it arrives. */
    public interface Sink {
        /**
         * A group of the message.
         *
         * @param position of its first byte in the message.
         * @param bytes from 0 to {@code length}; used again after the call.
         */
        void group(long position, byte[] bytes, int length) throws IOException;

        /**
         * A parent.
         *
         * @param position of its 64 bytes in the message's outboard.
         * @param bytes from 0 to 64; used again after the call.
         */
        default void parent(long position, byte[] bytes) throws IOException {}
    }

    /** Thrown for bytes that are not those of the message. */
    public static final class WrongBytesException extends IOException {
        private static final long serialVersionUID = 1;

        WrongBytesException(String message) {
            super(message);
        }
    }

    private final byte[] id;
    private final long messageBytes;
    private final int groups;
    private final GroupRange range;
    private final GroupHasher hasher = new GroupHasher();
    private final byte[] parent = new byte[ChunkGroups.PARENT_BYTES];
    private final byte[] group = new byte[ChunkGroups.BYTES];
    private final MemorySegment groupSegment = MemorySegment.ofArray(group);
    private final int[] computed = new int[8];

    /**
     * @param id the message's BLAKE3 hash, 32 bytes.
     * @param messageBytes its length, as somebody says.
     * @param from of the range's bytes.
     * @param to exclusive, at most {@code messageBytes}.
     * @throws IllegalArgumentException where that is no range of such a message.
     */
    public RangeDecoder(byte[] id, long messageBytes, long from, long to) {
        this.id = id.clone();
        this.messageBytes = messageBytes;
        this.groups = ChunkGroups.count(messageBytes);
        this.range = GroupRange.of(messageBytes, from, to);
    }

    /** Bytes that the encoding of this range has. */
    public long encodedBytes() {
        return range.bytes(messageBytes) + (long) ChunkGroups.PARENT_BYTES * range.parents(groups);
    }

    /**
     * Reads all of the range.
     *
     * @throws WrongBytesException where something of it is not the message's; what came before is.
     * @throws EOFException where it ends too early.
     * @throws IOException what {@code in} or {@code sink} throw.
     */
    public void decode(InputStream in, Sink sink) throws IOException {
        int[] root = new int[8];
        Compression.toWords(id, 0, 8, root, 0);
        node(in, sink, 0, groups, groups - 1L, root, 0);
    }

    private void node(InputStream in, Sink sink, int from, int to, long parentsEnd, int[] expected, int offset)
            throws IOException {
        if (!range.touches(from, to)) {
            return;
        }
        if (to - from == 1) {
            group(in, sink, from, expected, offset);
            return;
        }
        read(in, parent, ChunkGroups.PARENT_BYTES, from);
        int[] pair = new int[16];
        Compression.toWords(parent, 0, 16, pair, 0);
        hasher.parent(pair, 0, pair, 8, groups == to - from, computed, 0);
        if (!GroupHasher.equal(computed, 0, expected, offset)) {
            throw wrong("the hashes above bytes " + (long) from * ChunkGroups.BYTES + " and on");
        }
        sink.parent(ChunkGroups.PARENT_BYTES * (parentsEnd - 1), parent);
        int middle = from + ChunkGroups.left(to - from);
        node(in, sink, from, middle, parentsEnd - (to - middle), pair, 0);
        node(in, sink, middle, to, parentsEnd - 1, pair, 8);
    }

    private void group(InputStream in, Sink sink, int index, int[] expected, int offset) throws IOException {
        int bytes = ChunkGroups.bytes(messageBytes, index);
        long position = (long) index * ChunkGroups.BYTES;
        read(in, group, bytes, index);
        if (groups == 1) {
            Compression.toWords(Blake3.hash(groupSegment.asSlice(0, bytes)), 0, 8, computed, 0);
        } else {
            hasher.group(groupSegment, 0, bytes, index, computed, 0);
        }
        if (!GroupHasher.equal(computed, 0, expected, offset)) {
            throw wrong("bytes " + position + " to " + (position + bytes));
        }
        sink.group(position, group, bytes);
    }

    private void read(InputStream in, byte[] target, int length, int group) throws IOException {
        int read = in.readNBytes(target, 0, length);
        if (read < length) {
            throw new EOFException("Blob " + Blake3.hex(id) + ": what was sent ends at byte "
                    + (long) group * ChunkGroups.BYTES + " of " + messageBytes + ".");
        }
    }

    private WrongBytesException wrong(String part) {
        return new WrongBytesException("Blob " + Blake3.hex(id) + ": " + part + " are not those of a blob of "
                + messageBytes + " bytes with this id.");
    }
}
