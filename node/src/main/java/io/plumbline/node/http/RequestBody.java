package io.plumbline.node.http;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** One request's body: read whole, within the limits of its size, its time, and of the memory of all. */
final class RequestBody implements AutoCloseable {
    private static final int FIRST_BYTES = 8 << 10;

    private final HttpLimits limits;
    private final BodyMemory memory;
    private long held;

    RequestBody(HttpLimits limits, BodyMemory memory) {
        this.limits = limits;
        this.memory = memory;
    }

    /**
     * Reads all of it. Memory grows with the bytes that have come, not with those that are announced.
     *
     * @param announced bytes by the request's Content-Length; -1 where it has none.
     * @param allowed bytes; never more than the server's limit.
     * @throws HttpException where it exceeds a limit.
     */
    byte[] read(InputStream in, long announced, int allowed) throws IOException {
        int largest = Math.min(allowed, limits.bodyBytes());
        if (announced > largest) {
            throw tooLarge("has " + announced, largest);
        }
        long began = System.nanoTime();
        int most = (int) (announced < 0 ? largest : announced);
        byte[] bytes = new byte[0];
        int length = 0;
        while (true) {
            if (length == bytes.length && length < most) {
                int larger = (int) Math.min(most, Math.max(FIRST_BYTES, 2L * length));
                hold(larger - length);
                bytes = Arrays.copyOf(bytes, larger);
            }
            // Past the largest body there must be nothing.
            int read = length < most ? in.read(bytes, length, bytes.length - length) : in.read();
            if (read < 0) {
                return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
            }
            if (length == most) {
                throw tooLarge("has more than " + most, most);
            }
            length += read;
            if (System.nanoTime() - began > limits.bodyTime().toNanos() + earnedNanos(length)) {
                throw tooSlow();
            }
        }
    }

    /** A client whose body is large and comes steadily has longer. */
    private long earnedNanos(int length) {
        return (long) (1e9 * length / limits.bodyBytesPerSecond());
    }

    /** Takes memory, until this is closed. */
    void hold(long more) {
        memory.take(more);
        held += more;
    }

    private static HttpException tooLarge(String has, int most) {
        return new HttpException(413, "The request " + has + " bytes; " + most + " are the most. Send it in parts.");
    }

    /** The refusal of a body that does not come in time. */
    HttpException tooSlow() {
        return new HttpException(
                408,
                "The request's body did not come in time: " + limits.bodyTime().toSeconds()
                        + " s, and a second more for each " + limits.bodyBytesPerSecond() + " bytes of it.");
    }

    /** Gives its memory back. */
    @Override
    public void close() {
        memory.giveBack(held);
        held = 0;
    }
}
