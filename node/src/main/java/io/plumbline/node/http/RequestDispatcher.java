package io.plumbline.node.http;

import java.io.IOException;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Finds the handler of each request whose head is whole, and answers for it where it fails. */
final class RequestDispatcher extends Handler.Abstract {
    private final HttpRoutes routes;
    private final HttpErrors errors;
    private final HttpLimits limits;
    private final Consumer<Throwable> faults;
    private final BodyMemory memory;

    RequestDispatcher(HttpRoutes routes, HttpErrors errors, HttpLimits limits, Consumer<Throwable> faults) {
        this.routes = routes;
        this.errors = errors;
        this.limits = limits;
        this.faults = faults;
        this.memory = new BodyMemory(limits.allBodyBytes());
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        ClientConnection connection = (ClientConnection)
                request.getConnectionMetaData().getConnection().getEndPoint();
        RequestBody body = new RequestBody(limits, memory);
        connection.beginAnswer();
        Request.addCompletionListener(request, failure -> {
            body.close();
            connection.endAnswer();
        });
        // A handler may think longer than a client may pause.
        request.addIdleTimeoutListener(timeout -> false);
        JettyExchange exchange = new JettyExchange(request, response, connection, body);
        try {
            answer(exchange, request);
            callback.succeeded();
        } catch (IOException | RuntimeException e) {
            callback.failed(e);
        }
        return true;
    }

    private void answer(JettyExchange exchange, Request request) throws IOException {
        String path = request.getHttpURI().getPath();
        try {
            requireFraming(request);
            HttpRoutes.Match match = routes.find(request.getMethod(), path == null ? "" : path);
            exchange.matched(match.parameters());
            match.handler().handle(exchange);
        } catch (HttpException e) {
            e.headers().forEach(exchange::responseHeader);
            refuse(exchange, path, e.status(), e.getMessage());
        } catch (RuntimeException | Error e) {
            faults.accept(e);
            refuse(exchange, path, 500, "The server failed to answer; its operator has been told.");
        }
    }

    /**
     * RFC 9112, 6.1: chunked coding in HTTP/1.0 is faulty framing, and a proxy may have seen another body than Jetty
     * does.
     */
    private static void requireFraming(Request request) {
        boolean isOld = request.getConnectionMetaData().getHttpVersion() != HttpVersion.HTTP_1_1;
        if (isOld && request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING)) {
            throw new HttpException(400, "HTTP/1.0 has no Transfer-Encoding.", Map.of("Connection", "close"));
        }
    }

    private void refuse(JettyExchange exchange, String path, int status, String message) throws IOException {
        exchange.responseHeader("Content-Type", "application/json");
        exchange.send(status, errors.body(path == null ? "" : path, status, message));
    }
}
