package io.plumbline.data.transfer;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A stream that is read no faster than a limit allows. */
final class LimitedInput extends FilterInputStream {
    private final RateLimit rate;

    LimitedInput(InputStream in, RateLimit rate) {
        super(in);
        this.rate = rate;
    }

    @Override
    public int read() throws IOException {
        rate.take(1);
        return super.read();
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        int read = super.read(target, offset, length);
        if (read > 0) {
            rate.take(read);
        }
        return read;
    }
}
