package io.plumbline.node.http;

import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.function.Consumer;

/** Serves HTTP/1.1 on one port. */
public final class HttpServer implements AutoCloseable {
    private final WebServer server;
    private final HttpRoutes routes;
    private final HttpErrors errors;
    private final HttpLimits limits;
    private final Consumer<Throwable> faults;

    private HttpServer(
            String host,
            int port,
            HttpRoutes routes,
            HttpErrors errors,
            HttpLimits limits,
            Consumer<Throwable> faults) {
        this.routes = routes;
        this.errors = errors;
        this.limits = limits;
        this.faults = faults;
        this.server = WebServer.builder()
                .host(host)
                .port(port)
                .maxTcpConnections(limits.connections())
                .maxPayloadSize(limits.bodyBytes())
                .routing((HttpRouting.Builder routing) -> routing.any(this::answer))
                .build();
    }

    /**
     * Starts a server.
     *
     * @param port 0 takes any free one.
     * @param faults hears of what handlers throw that is no refusal.
     * @throws IOException where the address cannot be listened on.
     */
    public static HttpServer start(
            String host, int port, HttpRoutes routes, HttpErrors errors, HttpLimits limits, Consumer<Throwable> faults)
            throws IOException {
        HttpServer server = new HttpServer(host, port, routes, errors, limits, faults);
        server.server.start();
        if (!server.server.isRunning()) {
            throw new IOException("The gateway cannot listen on " + host + ":" + port
                    + ": the port is in use or not permitted. Choose another with --port, or stop what uses this one.");
        }
        return server;
    }

    /** The port listened on. */
    public int port() {
        return server.port();
    }

    private void answer(ServerRequest request, ServerResponse response) {
        String path = request.path().rawPath();
        try {
            try {
                HttpRoutes.Match match = routes.find(request.prologue().method().text(), path);
                match.handler().handle(new Exchange(request, response, match.parameters(), limits));
            } catch (HttpException e) {
                e.headers().forEach((name, value) -> response.header(HeaderNames.create(name), value));
                refuse(response, path, e.status(), e.getMessage());
            } catch (RuntimeException e) {
                faults.accept(e);
                refuse(response, path, 500, "The server failed to answer; its operator has been told.");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void refuse(ServerResponse response, String path, int status, String message) throws IOException {
        response.status(Status.create(status));
        response.header("Content-Type", "application/json");
        response.send(errors.body(path, status, message));
    }

    @Override
    public void close() {
        server.stop();
    }

    private record Exchange(
            ServerRequest request, ServerResponse response, Map<String, String> parameters, HttpLimits limits)
            implements HttpExchange {
        @Override
        public String parameter(String name) {
            return parameters.get(name);
        }

        @Override
        public String requestHeader(String name) {
            return request.headers().first(HeaderNames.create(name)).orElse(null);
        }

        @Override
        public byte[] body() {
            long announced = request.headers().contentLength().orElse(0);
            if (announced > limits.bodyBytes()) {
                throw new HttpException(
                        413,
                        "The request has " + announced + " bytes; " + limits.bodyBytes()
                                + " are the most. Send it in parts.");
            }
            return request.content().hasEntity() ? request.content().as(byte[].class) : new byte[0];
        }

        @Override
        public void responseHeader(String name, String value) {
            response.header(HeaderNames.create(name), value);
        }

        @Override
        public void send(int status, byte[] body) {
            response.status(Status.create(status));
            response.send(body);
        }

        @Override
        public OutputStream stream(int status) {
            response.status(Status.create(status));
            return response.outputStream();
        }

        @Override
        public void onClientGone(Runnable action) {
            // The library does not say.
        }
    }
}
