package io.plumbline.node.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;

/** An exchange by Jetty's request and response. */
final class JettyExchange implements HttpExchange {
    /** Bytes of a body that was not asked for which are taken and dropped, so that the connection may go on. */
    private static final int MOST_DROPPED_BYTES = 1 << 20;

    /** And so many before it ends: most clients send all of a body before they read why it was refused. */
    private static final int MOST_DROPPED_BYTES_AT_END = 64 << 20;

    private static final int DROPPED_AT_ONCE_BYTES = 8 << 10;

    private final Request request;
    private final Response response;
    private final ClientConnection connection;
    private final AnswerPace pace;
    private final RequestBody body;
    private final Map<Class<?>, Object> attached = new HashMap<>();
    private Map<String, String> parameters = Map.of();
    private boolean isBodyAsked;
    private boolean isBodyOver;

    JettyExchange(Request request, Response response, ClientConnection connection, RequestBody body) {
        this.request = request;
        this.response = response;
        this.connection = connection;
        this.pace = connection.pace();
        this.body = body;
    }

    /** The request's route is found. */
    void matched(Map<String, String> pathParameters) {
        parameters = pathParameters;
    }

    @Override
    public String parameter(String name) {
        return parameters.get(name);
    }

    @Override
    public String method() {
        return request.getMethod();
    }

    @Override
    public String query(String name) {
        try {
            return Request.extractQueryParameters(request).getValue(name);
        } catch (RuntimeException e) {
            throw new HttpException(400, "The query is not encoded as a URI's: " + e.getMessage() + ".");
        }
    }

    @Override
    public String requestHeader(String name) {
        return request.getHeaders().get(name);
    }

    @Override
    public <T> void attach(Class<T> type, T value) {
        attached.put(type, value);
    }

    @Override
    public <T> T attached(Class<T> type) {
        return type.cast(attached.get(type));
    }

    @Override
    public byte[] body() throws IOException {
        return body(Integer.MAX_VALUE);
    }

    @Override
    public void hold(long bytes) {
        body.hold(bytes);
    }

    @Override
    public byte[] body(int most) throws IOException {
        isBodyAsked = true;
        try {
            // Not closed: Jetty would end the connection under what is left of a body that is refused.
            byte[] read = body.read(Content.Source.asInputStream(request), request.getLength(), most);
            isBodyOver = true;
            return read;
        } catch (IOException e) {
            isBodyOver = true;
            throw refusal(e);
        } catch (HttpException e) {
            // No other request can follow what is left of the body.
            endAfterwards();
            throw e;
        }
    }

    /** Why a body could not be read: the client's fault, or its end. */
    private IOException refusal(IOException failure) {
        endAfterwards();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof TimeoutException) {
                throw body.tooSlow();
            }
            if (cause instanceof org.eclipse.jetty.http.HttpException refused) {
                String reason = refused.getReason() == null ? "it ended early" : refused.getReason();
                throw new HttpException(
                        refused.getCode(), "The request's body is not framed as HTTP says: " + reason + ".");
            }
        }
        return failure;
    }

    private void endAfterwards() {
        if (!response.isCommitted()) {
            responseHeader("Connection", "close");
        }
    }

    @Override
    public void responseHeader(String name, String value) {
        response.getHeaders().put(name, value);
    }

    @Override
    public void send(int status, byte[] bytes) throws IOException {
        begin(status);
        pace.beginWrite();
        try {
            Content.Sink.write(response, true, ByteBuffer.wrap(bytes));
        } finally {
            pace.endWrite();
        }
    }

    @Override
    public OutputStream stream(int status) throws IOException {
        begin(status);
        return new PacedOutput(Content.Sink.asOutputStream(response), pace);
    }

    private void begin(int status) throws IOException {
        if (response.isCommitted()) {
            throw new IOException("The response has begun already.");
        }
        if (!isBodyAsked && request.getLength() > MOST_DROPPED_BYTES) {
            responseHeader("Connection", "close");
        }
        response.setStatus(status);
    }

    /**
     * Takes what is left of a body that was not read or refused, once the response is sent. A client that is refused
     * before it has sent its body would lose the refusal otherwise, or its next request: the connection would end under
     * it.
     *
     * @param most time that it may take.
     */
    void dropBody(Duration most) {
        if (isBodyOver || request.getHeaders().contains(HttpHeader.EXPECT)) {
            return;
        }
        long began = System.nanoTime();
        boolean isEnding = response.getHeaders().contains(HttpHeader.CONNECTION, "close");
        int mostBytes = isEnding ? MOST_DROPPED_BYTES_AT_END : MOST_DROPPED_BYTES;
        byte[] dropped = new byte[DROPPED_AT_ONCE_BYTES];
        try (InputStream in = Content.Source.asInputStream(request)) {
            for (int length = 0; length <= mostBytes && System.nanoTime() - began < most.toNanos(); ) {
                int read = in.read(dropped);
                if (read < 0) {
                    return;
                }
                length += read;
            }
        } catch (IOException e) {
            // It has gone, or is too slow: the server ends the connection, since the body is not whole.
        }
    }

    @Override
    public void onClientGone(Runnable action) {
        connection.onGone(action);
    }
}
