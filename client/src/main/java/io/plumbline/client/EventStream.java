package io.plumbline.client;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Server-sent events as they come. No more is taken from the connection than is read, so that a slow reader slows the
 * server. One thread reads; any may close.
 */
final class EventStream implements BodySubscriber<EventStream>, AutoCloseable {
    private static final Object END = new Object();

    private final Duration timeout;
    private final long maxBytes;

    /** Lists of buffers; or END, or what went wrong. */
    private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private List<ByteBuffer> current = List.of();
    private long bytes;
    private volatile Subscription subscription;
    private volatile boolean isClosed;

    /**
     * @param timeout of each pause.
     * @param maxBytes of the whole stream.
     */
    EventStream(Duration timeout, long maxBytes) {
        this.timeout = timeout;
        this.maxBytes = maxBytes;
    }

    @Override
    public CompletionStage<EventStream> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(Subscription given) {
        subscription = given;
        if (isClosed) {
            given.cancel();
        } else {
            given.request(1);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        arrived.add(buffers);
    }

    @Override
    public void onError(Throwable why) {
        arrived.add(why);
    }

    @Override
    public void onComplete() {
        arrived.add(END);
    }

    /**
     * The data of the next event; null where the stream has ended or is closed.
     *
     * @throws UnreachableException where it breaks off, pauses too long or is too long.
     */
    String next() {
        StringBuilder data = new StringBuilder();
        for (String text = line(); text != null; text = line()) {
            if (text.isEmpty() && !data.isEmpty()) {
                return data.toString();
            }
            if (text.startsWith("data:")) {
                data.append(data.isEmpty() ? "" : "\n").append(text.substring(5).stripLeading());
            }
        }
        return null;
    }

    /** The next line without its end; null at the end of the stream, where half a line counts for none. */
    private String line() {
        while (!isClosed) {
            for (ByteBuffer buffer : current) {
                while (buffer.hasRemaining()) {
                    byte next = buffer.get();
                    if (next == '\n') {
                        String text = line.toString(StandardCharsets.UTF_8);
                        line.reset();
                        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
                    }
                    line.write(next);
                }
            }
            if (!more()) {
                return null;
            }
        }
        return null;
    }

    private boolean more() {
        Object next;
        try {
            next = isClosed ? END : arrived.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            close();
            throw HttpCalls.interrupted(e);
        }
        if (next == END || isClosed) {
            close();
            return false;
        }
        if (next == null) {
            close();
            throw new UnreachableException("The server has sent nothing for " + timeout + ".", null);
        }
        if (next instanceof Throwable why) {
            close();
            throw new UnreachableException("The answer broke off: " + why, why);
        }
        current = buffers(next);
        bytes += current.stream().mapToLong(ByteBuffer::remaining).sum();
        if (bytes > maxBytes) {
            close();
            throw new UnreachableException("The answer is longer than " + maxBytes + " bytes.", null);
        }
        subscription.request(1);
        return true;
    }

    @SuppressWarnings("unchecked")
    private static List<ByteBuffer> buffers(Object arrived) {
        return (List<ByteBuffer>) arrived;
    }

    /** Ends the exchange: the server sees that its client has gone. */
    @Override
    public void close() {
        isClosed = true;
        Subscription given = subscription;
        if (given != null) {
            given.cancel();
        }
        arrived.add(END);
    }
}
