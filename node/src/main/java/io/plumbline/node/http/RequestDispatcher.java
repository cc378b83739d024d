package io.plumbline.node.http;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Finds the handler of each request whose head is whole, and answers for it where it fails. */
final class RequestDispatcher extends Handler.Abstract {
    private static final Set<String> FORMS =
            Set.of("text/plain", "multipart/form-data", "application/x-www-form-urlencoded");

    private final HttpRoutes routes;
    private final HttpErrors errors;
    private final HttpLimits limits;
    private final Origins origins;
    private final HostNames names;
    private final Consumer<Throwable> faults;
    private final BodyMemory memory;

    /** @param host that the server listens on. */
    RequestDispatcher(
            String host,
            HttpRoutes routes,
            HttpErrors errors,
            HttpLimits limits,
            Origins origins,
            Consumer<Throwable> faults) {
        this.routes = routes;
        this.errors = errors;
        this.limits = limits;
        this.origins = origins;
        this.names = HostNames.of(host, origins);
        this.faults = faults;
        this.memory = new BodyMemory(limits.allBodyBytes());
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        ClientConnection connection = ClientConnection.of(
                request.getConnectionMetaData().getConnection().getEndPoint());
        RequestBody body = new RequestBody(limits, memory);
        connection.beginAnswer();
        Request.addCompletionListener(request, failure -> {
            body.close();
            connection.endAnswer();
        });
        // A handler may think longer than a client may pause.
        request.addIdleTimeoutListener(timeout -> false);
        JettyExchange exchange = new JettyExchange(request, response, connection, body);
        exchange.responseHeader(RequestId.HEADER, RequestId.next());
        try {
            answer(exchange, request);
            exchange.dropBody(limits.stallTime());
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
            String origin = request.getHeaders().get(HttpHeader.ORIGIN);
            if (origin != null) {
                admit(exchange, request, origin);
            }
            if (origin != null && isPreflight(request)) {
                answerPreflight(exchange, request);
                return;
            }
            requireNoForm(request);
            HttpRoutes.Match match = routes.find(request.getMethod(), path == null ? "" : path);
            if (!match.isProbe()) {
                requireName(request);
            }
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

    private void requireName(Request request) {
        String host = request.getHeaders().get(HttpHeader.HOST);
        if (!request.getConnectionMetaData().isSecure() && !names.allow(host)) {
            throw new HttpException(421, HostNames.refusal(host));
        }
    }

    /** Lets the browser show the answer to a page, where the page is one that may use this server. */
    private void admit(JettyExchange exchange, Request request, String origin) {
        exchange.responseHeader("Vary", "Origin");
        String host = request.getHeaders().get(HttpHeader.HOST);
        boolean isTls = request.getConnectionMetaData().isSecure();
        if (!origins.allow(origin) && !Origins.isOwn(origin, host, isTls)) {
            throw new HttpException(
                    403, "Pages of this origin may not use this gateway; its operator lets them by --allow-origin.");
        }
        exchange.responseHeader("Access-Control-Allow-Origin", origin);
        exchange.responseHeader("Access-Control-Expose-Headers", "*");
    }

    private static boolean isPreflight(Request request) {
        return request.getMethod().equals("OPTIONS")
                && request.getHeaders().contains(HttpHeader.ACCESS_CONTROL_REQUEST_METHOD);
    }

    /** Whatever is asked for: what is served is said where it is asked. */
    private static void answerPreflight(JettyExchange exchange, Request request) throws IOException {
        String headers = request.getHeaders().get(HttpHeader.ACCESS_CONTROL_REQUEST_HEADERS);
        exchange.responseHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE");
        if (headers != null && headers.matches("[A-Za-z0-9_, -]+")) {
            exchange.responseHeader("Access-Control-Allow-Headers", headers);
        }
        exchange.responseHeader("Access-Control-Max-Age", "86400");
        exchange.send(204, new byte[0]);
    }

    /** What a web page's form can send to any host is refused, also where a browser names no origin. */
    private static void requireNoForm(Request request) {
        String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
        if (request.getMethod().equals("POST")
                && type != null
                && FORMS.contains(type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT))) {
            throw new HttpException(
                    415,
                    "A body of type " + type.split(";", 2)[0] + " is not taken. Send JSON, with"
                            + " Content-Type: application/json.");
        }
    }

    private void refuse(JettyExchange exchange, String path, int status, String message) throws IOException {
        exchange.responseHeader("Content-Type", "application/json");
        exchange.send(status, errors.body(path == null ? "" : path, status, message));
    }
}
