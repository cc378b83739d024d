package io.plumbline.data.transfer;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A request over HTTP and the body of its answer, by a virtual thread: an interrupt closes the socket that such a
 * thread waits for, wherever it is, in a TLS handshake, a record or a chunk's head, which no time for a read does. The
 * body comes some buffers ahead of its reader. One thread reads it; any thread may close it, which ends a read that
 * waits.
 */
final class Exchange extends InputStream {
    private static final int FIRST_BYTES = 8 << 10;
    private static final int BUFFER_BYTES = 128 << 10;
    private static final int BUFFERS = 4;

    /** Bytes from 0 to {@code length}. */
    private record Part(byte[] bytes, int length) {}

    private static final Part END = new Part(new byte[0], 0);

    /** Opens a connection and sends the request. */
    @FunctionalInterface
    interface Opener {
        HttpURLConnection open() throws IOException;
    }

    private final Opener opener;
    private final Thread thread;
    private final CompletableFuture<Integer> status = new CompletableFuture<>();
    private final BlockingQueue<byte[]> free = new ArrayBlockingQueue<>(BUFFERS);
    private final BlockingQueue<Part> come = new LinkedBlockingQueue<>();
    private Part part = END;
    private int position;
    private volatile IOException failure;
    private volatile boolean isClosed;

    private Exchange(Opener opener) {
        this.opener = opener;
        this.thread = Thread.ofVirtual().name("blob-http").unstarted(this::exchange);
    }

    /** Begins one, on its thread. */
    static Exchange begin(Opener opener) {
        Exchange exchange = new Exchange(opener);
        exchange.thread.start();
        return exchange;
    }

    /**
     * The status of the answer, once its head is there.
     *
     * @param timeMs for all that comes before; the exchange is closed where it is over.
     * @throws TimeoutException where it is over.
     * @throws IOException where the exchange fails, or this thread is interrupted.
     */
    int status(long timeMs) throws IOException, TimeoutException {
        try {
            return status.get(timeMs, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        } catch (TimeoutException e) {
            close();
            throw e;
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private void exchange() {
        HttpURLConnection connection = null;
        boolean isWhole = false;
        try {
            connection = opener.open();
            int code = connection.getResponseCode();
            try (InputStream in = code < 400 ? connection.getInputStream() : connection.getErrorStream()) {
                status.complete(code);
                isWhole = in == null || copy(in);
            }
        } catch (IOException e) {
            failure = e;
        } catch (InterruptedException e) {
            failure = new IOException("closed", e);
        } catch (RuntimeException e) {
            failure = new IOException("it answers what is no HTTP: " + e.getMessage(), e);
        } finally {
            if (!isWhole && connection != null) {
                connection.disconnect();
            }
            if (failure != null) {
                status.completeExceptionally(failure);
            }
            come.add(END);
        }
    }

    /** Buffers are made as they are needed, the first a small one: most answers are short. */
    private boolean copy(InputStream in) throws IOException, InterruptedException {
        for (int made = 0; ; ) {
            byte[] buffer = made <= BUFFERS ? free.poll() : free.take();
            if (buffer == null) {
                buffer = new byte[made == 0 ? FIRST_BYTES : BUFFER_BYTES];
                made++;
            }
            int read = in.read(buffer, 0, buffer.length);
            if (read < 0) {
                return true;
            }
            come.add(new Part(buffer, read));
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        while (!isClosed && length > 0 && position == part.length()) {
            if (part.bytes().length == BUFFER_BYTES) {
                free.add(part.bytes());
            }
            part = take();
            position = 0;
            if (part == END) {
                // For the next read, too.
                come.add(END);
                break;
            }
        }
        if (isClosed) {
            throw new IOException("closed");
        }
        if (part == END && failure != null) {
            throw new IOException(failure.getMessage(), failure);
        }
        int some = Math.min(length, part.length() - position);
        System.arraycopy(part.bytes(), position, target, offset, some);
        position += some;
        return some == 0 && length > 0 ? -1 : some;
    }

    private Part take() throws IOException {
        try {
            return come.take();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private IOException interrupted(InterruptedException e) {
        close();
        Thread.currentThread().interrupt();
        return new IOException("Interrupted while a data node was asked.", e);
    }

    @Override
    public void close() {
        isClosed = true;
        thread.interrupt();
        come.add(END);
    }
}
