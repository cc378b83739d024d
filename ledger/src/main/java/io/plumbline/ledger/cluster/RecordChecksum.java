package io.plumbline.ledger.cluster;

import io.aeron.archive.checksum.Checksum;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/**
 * CRC-32C of every frame of the log, as it goes to disk and as it comes back: a log that a disk has changed must not be replayed. Aeron has one of its own, which reaches
 * into the JDK's private parts.
 */
final class RecordChecksum implements Checksum {
    static final RecordChecksum CRC32C = new RecordChecksum();

    private RecordChecksum() {}

    @Override
    @SuppressWarnings("restricted") // Aeron hands out addresses
    public int compute(long address, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(MemorySegment.ofAddress(address + offset).reinterpret(length).asByteBuffer());
        return (int) crc.getValue();
    }
}
