package io.plumbline.data.store;

import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;

/** A whole blob of which ranges are sent: one of a store, or a file. For several threads at once. */
public interface ReadableBlob extends AutoCloseable {
    Bytes32 id();

    long bytes();

    /** Writes a range with what proves it; see {@link Outboard#encode}. */
    void encode(ByteRange range, Outboard.Output output) throws IOException;

    @Override
    void close() throws IOException;
}
