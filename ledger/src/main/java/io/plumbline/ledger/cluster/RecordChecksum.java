package io.plumbline.ledger.cluster;

import io.aeron.archive.checksum.Checksum;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * CRC-32C of every frame of the log, as it goes to disk and as it comes back: a log that a disk has changed must not
 * be replayed. Aeron has one of its own, which reaches into the JDK's private parts.
 */
final class RecordChecksum implements Checksum {
    static final RecordChecksum CRC32C = new RecordChecksum();

    /** No datagram has more: a frame that says so has a damaged length, and reading on would leave its memory. */
    private static final int MAX_FRAME_BYTES = 64 << 10;

    private RecordChecksum() {}

    @Override
    @SuppressWarnings("restricted") // Aeron hands out addresses
    public int compute(long address, int offset, int length) {
        if (length < 0 || length > MAX_FRAME_BYTES) {
            throw new IllegalStateException(
                    "checksum mismatch: a frame of the log claims to have " + length + " bytes");
        }
        return of(MemorySegment.ofAddress(address + offset).reinterpret(length).asByteBuffer());
    }

    /** Of a frame's bytes after its header. */
    static int of(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
