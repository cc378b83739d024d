package io.plumbline.node.http;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands before routes that work is posted to: once the server is about to end it lets no more in, and knows when all
 * that was let in is answered.
 */
public final class DrainGate {
    /** Another process has the place by then, where there is one. */
    private static final String RETRY_S = "5";

    private final AtomicInteger inside = new AtomicInteger();
    private volatile boolean isDraining;

    /** These routes, with the gate before those that are posted to. */
    public HttpRoutes before(HttpRoutes routes) {
        return routes.wrapped((method, path, handler) -> method.equals("POST") ? guarded(handler) : handler);
    }

    private HttpHandler guarded(HttpHandler handler) {
        return http -> {
            // Counted first: a request that is let in is seen by those that ask whether all have left.
            inside.incrementAndGet();
            try {
                if (isDraining) {
                    throw new HttpException(
                            503,
                            "The server is about to end, and takes on nothing new. Send the request again in some"
                                    + " seconds, or to another one.",
                            Map.of("Retry-After", RETRY_S, "Connection", "close"));
                }
                handler.handle(http);
            } finally {
                inside.decrementAndGet();
            }
        };
    }

    /** Lets nothing more in. */
    public void drain() {
        isDraining = true;
    }

    public boolean isDraining() {
        return isDraining;
    }

    /** Requests that were let in and are not answered. */
    public int inside() {
        return inside.get();
    }

    /** Whether all that was let in is answered. */
    public boolean isEmpty() {
        return inside.get() == 0;
    }
}
