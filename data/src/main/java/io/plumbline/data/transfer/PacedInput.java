package io.plumbline.data.transfer;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A stream that is given up where its sender drips: a time for each read alone would begin anew with every byte. The
 * time that its reader takes between reads does not count.
 */
final class PacedInput extends FilterInputStream {
    private final long allowanceNs;
    private final long bytesASecond;
    private final LongSupplier clockNs;
    private long waitedNs;
    private long bytes;

    /**
     * @param allowanceNs that reads may wait in all, beside the time of what has come.
     * @param bytesASecond which the sender gives at least.
     */
    PacedInput(InputStream in, long allowanceNs, long bytesASecond, LongSupplier clockNs) {
        super(in);
        this.allowanceNs = allowanceNs;
        this.bytesASecond = bytesASecond;
        this.clockNs = clockNs;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        long begin = clockNs.getAsLong();
        int read = super.read(target, offset, length);
        waitedNs += clockNs.getAsLong() - begin;
        bytes += Math.max(0, read);
        if (read > 0 && waitedNs > allowanceNs + bytes * TimeUnit.SECONDS.toNanos(1) / bytesASecond) {
            throw new IOException("it sends less than " + bytesASecond + " bytes a second");
        }
        return read;
    }
}
