package io.plumbline.verifier.audit;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** An opening as it arrives: its proof, then its tokens' pieces in order. See {@link OpeningLayout}. */
public interface Opening extends AutoCloseable {
    /** Bytes of the whole, as its sender says. */
    long bytes();

    /**
     * The sender's signature under all pieces; null where it is not another's, and nothing needs to be proven of it.
     */
    Seal seal();

    /**
     * The first {@code bytes} bytes; valid until {@link #close}.
     *
     * @throws IOException when they do not come.
     */
    MemorySegment proof(long bytes) throws IOException;

    /** The next {@code bytes} bytes; valid until the next call. */
    MemorySegment next(long bytes) throws IOException;

    @Override
    void close();

    /** An opening that is all there. */
    static Opening of(MemorySegment all, Seal seal) {
        return new Opening() {
            private long at;

            @Override
            public long bytes() {
                return all.byteSize();
            }

            @Override
            public Seal seal() {
                return seal;
            }

            @Override
            public MemorySegment proof(long bytes) {
                return next(bytes);
            }

            @Override
            public MemorySegment next(long bytes) {
                at += bytes;
                return all.asSlice(at - bytes, bytes);
            }

            @Override
            public void close() {}
        };
    }
}
