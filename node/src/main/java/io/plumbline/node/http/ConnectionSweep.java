package io.plumbline.node.http;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ServerConnector;

/** Looks at every connection ten times a second, and ends those whose clients take longer than they may. */
final class ConnectionSweep implements AutoCloseable {
    /** How long a connection may be idle while others wait for one. */
    static final Duration IDLE_WHEN_CROWDED = Duration.ofSeconds(1);

    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final ServerConnector connector;
    private final HttpLimits limits;
    private final HttpErrors errors;
    private final Thread thread;
    private volatile boolean isClosed;

    ConnectionSweep(ServerConnector connector, HttpLimits limits, HttpErrors errors) {
        this.connector = connector;
        this.limits = limits;
        this.errors = errors;
        this.thread = Thread.ofPlatform().daemon().name("http-sweep").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    private void run() {
        while (!isClosed) {
            boolean crowded = connector.getConnectedEndPoints().size() >= limits.connections();
            for (EndPoint connection : connector.getConnectedEndPoints()) {
                ((ClientConnection) connection).sweep(crowded, errors);
            }
            LockSupport.parkNanos(PERIOD_NANOS);
        }
    }

    @Override
    public void close() {
        isClosed = true;
        LockSupport.unpark(thread);
    }
}
