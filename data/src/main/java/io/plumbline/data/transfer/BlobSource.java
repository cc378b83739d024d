package io.plumbline.data.transfer;

import io.plumbline.data.store.ByteRange;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;

/** Where blobs can be had from; nothing that it gives is believed. For several threads at once. */
public interface BlobSource {
    /** Its name in messages. */
    String name();

    /**
     * Bytes that a blob has, as this source says.
     *
     * @throws io.plumbline.data.store.NoSuchBlobException where it does not have it whole.
     */
    long bytes(Bytes32 id) throws IOException;

    /**
     * Bytes that a blob has, proven: the source gives the blob's last group, which the id ties to the blob's length.
     *
     * @throws io.plumbline.data.store.NoSuchBlobException where it does not have it whole.
     * @throws io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException where it has said another length.
     */
    default long provenBytes(Bytes32 id) throws IOException {
        long bytes = bytes(id);
        proveGroup(id, bytes, ChunkGroups.count(bytes) - 1);
        return bytes;
    }

    /**
     * Has the source give one group of a blob that it says it has: 16 KiB and the hashes above them.
     *
     * @param bytes that the blob has.
     * @param group from 0.
     * @throws io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException where it gives another one.
     */
    default void proveGroup(Bytes32 id, long bytes, int group) throws IOException {
        long from = (long) group * ChunkGroups.BYTES;
        int length = ChunkGroups.bytes(bytes, group);
        read(id, bytes, new ByteRange(from, from + length), new byte[length]);
    }

    /**
     * A range with what proves it, see {@link io.plumbline.verifier.blake3.Outboard#encode}.
     *
     * @param bytes that the blob has.
     * @return to be closed; closing it early gives up the rest.
     */
    InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException;

    /**
     * Reads a range, proven by the id.
     *
     * @param bytes that the blob has.
     * @param range its groups come whole, and what it has of them is kept.
     * @param target receives it from 0 on.
     * @throws io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException where something of it is not the blob's.
     */
    default void read(Bytes32 id, long bytes, ByteRange range, byte[] target) throws IOException {
        try (InputStream in = range(id, bytes, range)) {
            new RangeDecoder(id.bytes(), bytes, range.from(), range.to()).decode(in, (position, group, length) -> {
                int from = (int) Math.max(0, range.from() - position);
                int end = (int) Math.min(length, range.to() - position);
                System.arraycopy(group, from, target, (int) (position + from - range.from()), end - from);
            });
        }
    }
}
