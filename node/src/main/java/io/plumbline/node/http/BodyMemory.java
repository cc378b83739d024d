package io.plumbline.node.http;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that the bodies of all requests under way, and what is made of them, may take together: so that many large
 * ones at once are refused, and end no process.
 */
final class BodyMemory {
    private final long total;
    private final AtomicLong left;

    BodyMemory(long bytes) {
        total = bytes;
        left = new AtomicLong(bytes);
    }

    /** @throws HttpException 503 where so much is not left, 413 where there never is. */
    void take(long bytes) {
        if (bytes > total) {
            throw new HttpException(
                    413,
                    "The request would take " + bytes + " bytes of memory as it is written, of " + total
                            + " for all requests. Send it in parts, tensors as binary data.");
        }
        if (left.addAndGet(-bytes) < 0) {
            left.addAndGet(bytes);
            throw new HttpException(
                    503,
                    "The server holds as many bytes of requests as it may. Send the request again in a moment.",
                    Map.of("Retry-After", "1"));
        }
    }

    void giveBack(long bytes) {
        left.addAndGet(bytes);
    }
}
