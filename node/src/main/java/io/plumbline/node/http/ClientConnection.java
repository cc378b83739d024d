package io.plumbline.node.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * One client's connection, which knows since when it waits for what. Jetty limits only the pause between two bytes, so
 * a client that sends a header's byte now and then would hold a connection for ever; and while a request is answered it
 * does not read, so it would not notice that the client has gone.
 */
final class ClientConnection extends SocketChannelEndPoint {
    private final HttpLimits limits;
    private final Object reading = new Object();

    /** In the clear one byte shows that a client goes on. */
    private static final int READ_AHEAD_BYTES = 1;

    /** A client that closes a TLS connection first sends a record that says so: the end is seen behind it alone. */
    private static final int READ_AHEAD_TLS_BYTES = 128;

    /** Bytes that were read to see whether the client is still there, and that the parser has yet to get. */
    private final ByteBuffer readAhead;

    private final boolean isTls;

    /** Of the answer under way. */
    private final AnswerPace pace;

    private volatile State state = new State(Phase.HEAD);
    private volatile Runnable onGone;

    private enum Phase {
        /** Until a request's head is whole. */
        HEAD,
        /** From a request's whole head to the end of its response. */
        ANSWERING,
        /** A head that did not come in time is refused, once: a second response would be written into the first. */
        REFUSING,
        /** From a response's end to the next request's first byte. */
        IDLE
    }

    private record State(Phase phase, long sinceNanos) {
        State(Phase phase) {
            this(phase, System.nanoTime());
        }

        boolean isOver(Duration limit) {
            return System.nanoTime() - sinceNanos > limit.toNanos();
        }
    }

    /** @param isTls whether TLS lies between the client's bytes and HTTP. */
    ClientConnection(
            SocketChannel channel,
            ManagedSelector selector,
            SelectionKey key,
            Scheduler scheduler,
            HttpLimits limits,
            boolean isTls) {
        super(channel, selector, key, scheduler);
        this.limits = limits;
        this.isTls = isTls;
        this.pace = new AnswerPace(limits);
        this.readAhead = ByteBuffer.allocate(isTls ? READ_AHEAD_TLS_BYTES : READ_AHEAD_BYTES)
                .flip();
    }

    /** The connection beneath that which HTTP sees. */
    static ClientConnection of(EndPoint endPoint) {
        return (ClientConnection) (endPoint instanceof EndPoint.Wrapper tls ? tls.unwrap() : endPoint);
    }

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
        int filled = 0;
        synchronized (reading) {
            if (readAhead.hasRemaining()) {
                filled = BufferUtil.append(buffer, readAhead);
            }
            int more = super.fill(buffer);
            filled = filled > 0 ? filled + Math.max(0, more) : more;
        }
        if (filled > 0 && state.phase() == Phase.IDLE) {
            state = new State(Phase.HEAD);
        }
        return filled;
    }

    @Override
    public boolean flush(ByteBuffer... buffers) throws IOException {
        long before = BufferUtil.remaining(buffers);
        boolean isAll = super.flush(buffers);
        pace.taken(before - BufferUtil.remaining(buffers));
        return isAll;
    }

    /** How the client of the answer under way takes it. */
    AnswerPace pace() {
        return pace;
    }

    /** A request's head is whole. */
    void beginAnswer() {
        pace.begin();
        state = new State(Phase.ANSWERING);
        setIdleTimeout(limits.stallTime().toMillis());
    }

    /** Has {@code action} run, on a virtual thread, if the client goes before its answer ends. */
    void onGone(Runnable action) {
        onGone = action;
    }

    /** The response is complete, or has failed. */
    void endAnswer() {
        onGone = null;
        setIdleTimeout(0);
        state = new State(Phase.IDLE);
    }

    /**
     * Ends the connection if its client has taken longer than it may; tells a request under way if its client has gone.
     *
     * @param crowded whether other clients wait for a connection, so that an idle one is better given up.
     */
    void sweep(boolean crowded, HttpErrors errors) {
        State now = state;
        switch (now.phase()) {
            case HEAD -> {
                if (now.isOver(limits.headTime())) {
                    state = new State(Phase.REFUSING);
                    refuse(errors);
                }
            }
            case REFUSING -> {
                if (now.isOver(limits.stallTime())) {
                    close();
                }
            }
            case IDLE -> {
                if (now.isOver(crowded ? ConnectionSweep.IDLE_WHEN_CROWDED : limits.idleTime())) {
                    close();
                }
            }
            case ANSWERING -> {
                if (pace.isTooSlow()) {
                    close();
                }
                Runnable action = onGone;
                if (action != null && hasGone()) {
                    onGone = null;
                    Thread.startVirtualThread(action);
                }
            }
        }
    }

    private void refuse(HttpErrors errors) {
        String seconds = limits.headTime().toSeconds() + " s";
        byte[] body = errors.body("", 408, "The request's headers did not come within " + seconds + ".");
        String head = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
                + RequestId.HEADER + ": " + RequestId.next() + "\r\nContent-Length: " + body.length + "\r\n\r\n";
        ByteBuffer response = ByteBuffer.wrap(head.getBytes(StandardCharsets.US_ASCII));
        EndPoint endPoint = this;
        if (isTls) {
            SslConnection tls = (SslConnection) getConnection();
            if (tls == null || !hasShakenHands(tls.getSSLEngine())) {
                // It would not be read.
                close();
                return;
            }
            endPoint = tls.getSslEndPoint();
        }
        // A client that does not take even this, or a response that has begun after all: close either way.
        endPoint.write(Callback.from(this::close, failure -> close()), response, ByteBuffer.wrap(body));
    }

    private static boolean hasShakenHands(SSLEngine engine) {
        return engine.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING
                && !engine.getSession().getProtocol().equals("NONE");
    }

    private boolean hasGone() {
        synchronized (reading) {
            if (readAhead.remaining() == readAhead.capacity()) {
                // It has sent its next request already; what comes after that is not looked at.
                return false;
            }
            readAhead.compact();
            int read;
            try {
                read = getChannel().read(readAhead);
            } catch (IOException e) {
                read = -1;
            }
            readAhead.flip();
            return read < 0;
        }
    }
}
