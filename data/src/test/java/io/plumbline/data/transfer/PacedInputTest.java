package io.plumbline.data.transfer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PacedInputTest {
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    private final AtomicLong clockNs = new AtomicLong();

    /** Gives so many bytes with each read, after as many seconds. */
    private InputStream sender(int bytes, int seconds) {
        return new InputStream() {
            @Override
            public int read() {
                throw new UnsupportedOperationException();
            }

            @Override
            public int read(byte[] target, int offset, int length) {
                clockNs.addAndGet(seconds * SECOND_NS);
                return Math.min(bytes, length);
            }
        };
    }

    private PacedInput paced(InputStream in) {
        return new PacedInput(in, 30 * SECOND_NS, 1_000, clockNs::get);
    }

    @Test
    void aSenderThatDripsIsGivenUpOnceItsAllowanceIsSpent() throws IOException {
        PacedInput in = paced(sender(1, 10));
        for (int i = 0; i < 3; i++) {
            assertEquals(1, in.read(new byte[8], 0, 8));
        }
        IOException slow = assertThrows(IOException.class, in::read);
        assertTrue(slow.getMessage().contains("less than 1000 bytes a second"), slow.getMessage());
    }

    @Test
    void oneThatKeepsThePaceGoesOnHoweverLongItsReaderTakes() throws IOException {
        PacedInput in = paced(sender(1_000, 1));
        for (int i = 0; i < 1_000; i++) {
            assertEquals(1_000, in.read(new byte[1_000], 0, 1_000));
            clockNs.addAndGet(100 * SECOND_NS);
        }
    }
}
