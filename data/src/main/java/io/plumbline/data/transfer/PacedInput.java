package io.plumbline.data.transfer;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A stream that is given up where its sender drips: a time for each read alone would begin anew with every byte. The
 * time that its reader takes between reads does not count.
 */
final class PacedInput extends FilterInputStream {
    private static final long LOOK_MS = 1_000;
    private static final long NOT_READING = Long.MIN_VALUE;

    private final long allowanceNs;
    private final long bytesASecond;
    private final LongSupplier clockNs;
    private ScheduledFuture<?> watch;

    /** Written by the reader, and looked at by the watch. */
    private volatile long readingSinceNs = NOT_READING;

    private volatile long waitedNs;
    private volatile long bytes;
    private volatile boolean isTooSlow;

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

    /**
     * Has a read that does not return looked at as well, and ended by closing the stream beneath, which another thread
     * must be able to do.
     *
     * @return this.
     */
    PacedInput watchedBy(ScheduledExecutorService looks) {
        watch = looks.scheduleWithFixedDelay(this::look, LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
        return this;
    }

    private void look() {
        long since = readingSinceNs;
        if (since != NOT_READING && isTooSlow(waitedNs + clockNs.getAsLong() - since)) {
            isTooSlow = true;
            try {
                in.close();
            } catch (IOException e) {
                // The reader has what it throws.
            }
        }
    }

    private boolean isTooSlow(long waited) {
        return waited > allowanceNs + bytes * TimeUnit.SECONDS.toNanos(1) / bytesASecond;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        long begin = clockNs.getAsLong();
        readingSinceNs = begin;
        int read;
        try {
            read = super.read(target, offset, length);
        } catch (IOException e) {
            throw isTooSlow ? tooSlow(e) : e;
        } finally {
            readingSinceNs = NOT_READING;
        }
        waitedNs += clockNs.getAsLong() - begin;
        bytes += Math.max(0, read);
        if (isTooSlow || read > 0 && isTooSlow(waitedNs)) {
            throw tooSlow(null);
        }
        return read;
    }

    private IOException tooSlow(IOException cause) {
        return new IOException("it sends less than " + bytesASecond + " bytes a second", cause);
    }

    @Override
    public void close() throws IOException {
        if (watch != null) {
            watch.cancel(false);
        }
        super.close();
    }
}
