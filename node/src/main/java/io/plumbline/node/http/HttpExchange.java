package io.plumbline.node.http;

import java.io.IOException;
import java.io.OutputStream;

/**
 * One request and its response as the APIs see them; the server library stays behind it. Its methods are called by the
 * handler's thread.
 */
public interface HttpExchange {
    /**
     * What the request's path has in place of {@code {name}} in the route's, decoded.
     *
     * @return null where the route has no such part.
     */
    String parameter(String name);

    /** The request's method, such as HEAD, which is served as GET is and has no body sent. */
    String method();

    /**
     * A parameter of the query, decoded.
     *
     * @return the first of this name; null where the request has none.
     * @throws HttpException 400 where the query cannot be decoded.
     */
    String query(String name);

    /**
     * A header of the request.
     *
     * @param name in any case.
     * @return the first value; null where the request has none.
     */
    String requestHeader(String name);

    /**
     * The request's whole body, however it was framed; empty where there is none.
     *
     * @throws HttpException where it is too large, too slow, or not framed as HTTP says.
     */
    byte[] body() throws IOException;

    /**
     * As {@link #body()}, where fewer bytes are taken.
     *
     * @param most bytes; the server's own limit holds beside it.
     */
    byte[] body(int most) throws IOException;

    /**
     * Takes memory for what is made of the body, out of that for all bodies; it is given back when the response is
     * complete.
     *
     * @throws HttpException 503 where so much is not left, 413 where there never is.
     */
    void hold(long bytes);

    /** Keeps what is known of this request beside it, one of each type; for {@link #attached}. */
    <T> void attach(Class<T> type, T value);

    /**
     * The value that {@link #attach} was given.
     *
     * @return null where it was given none of that type.
     */
    <T> T attached(Class<T> type);

    /** Sets a header of the response; to be called before the response is sent. */
    void responseHeader(String name, String value);

    /** Sends the response with its whole body, which may be empty. */
    void send(int status, byte[] body) throws IOException;

    /**
     * Begins a response whose body comes in pieces. Each write is on its way to the client when it returns.
     *
     * @return to be closed at the body's end; its writes fail once the client has gone.
     */
    OutputStream stream(int status) throws IOException;

    /**
     * Has {@code action} run once, on another thread, if the client closes its connection before the response is
     * complete; it is noticed within about a tenth of a second. A write to a stream may fail before that. A client that
     * closes only its sending side counts as gone. To be called after {@link #body()}; a second call replaces the
     * action.
     */
    void onClientGone(Runnable action);
}
