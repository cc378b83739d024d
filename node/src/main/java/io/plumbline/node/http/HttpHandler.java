package io.plumbline.node.http;

import java.io.IOException;

/** Answers requests of one route. Handlers run on virtual threads and may block. */
@FunctionalInterface
public interface HttpHandler {
    /**
     * Answers one request.
     *
     * @throws HttpException to answer with that status and a reason.
     * @throws IOException where the client is not reached any more.
     */
    void handle(HttpExchange exchange) throws IOException;
}
