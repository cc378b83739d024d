package io.plumbline.node.http;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ServerConnector;

/**
 * Looks at every connection ten times a second, and ends those whose clients take longer than they may. What one
 * connection throws ends that connection, not the limits of all others.
 */
final class ConnectionSweep implements AutoCloseable {
    /** How long a connection may be idle while others wait for one. */
    static final Duration IDLE_WHEN_CROWDED = Duration.ofSeconds(1);

    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final ServerConnector connector;
    private final HttpLimits limits;
    private final HttpErrors errors;
    private final Consumer<Throwable> faults;
    private final Thread thread;
    private volatile boolean isClosed;

    /** @param faults hears of what goes wrong with a connection. */
    ConnectionSweep(ServerConnector connector, HttpLimits limits, HttpErrors errors, Consumer<Throwable> faults) {
        this.connector = connector;
        this.limits = limits;
        this.errors = errors;
        this.faults = faults;
        this.thread = Thread.ofPlatform().daemon().name("http-sweep").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    private void run() {
        while (!isClosed) {
            boolean crowded = connector.getConnectedEndPoints().size() >= limits.connections();
            for (EndPoint connection : connector.getConnectedEndPoints()) {
                sweep((ClientConnection) connection, crowded);
            }
            LockSupport.parkNanos(PERIOD_NANOS);
        }
    }

    private void sweep(ClientConnection connection, boolean crowded) {
        try {
            connection.sweep(crowded, errors);
        } catch (RuntimeException | Error e) {
            faults.accept(e);
            connection.close();
        }
    }

    @Override
    public void close() {
        isClosed = true;
        LockSupport.unpark(thread);
    }
}
