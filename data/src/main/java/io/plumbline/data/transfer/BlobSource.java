package io.plumbline.data.transfer;

import io.plumbline.data.store.ByteRange;
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
