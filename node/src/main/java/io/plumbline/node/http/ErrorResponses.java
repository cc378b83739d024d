package io.plumbline.node.http;

import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Words what Jetty refuses before any handler sees it: heads that are not HTTP, or too large. */
final class ErrorResponses implements Request.Handler {
    private final HttpErrors errors;

    ErrorResponses(HttpErrors errors) {
        this.errors = errors;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        int status = response.getStatus();
        String message = "The server failed to answer.";
        if (request.getAttribute(ErrorHandler.ERROR_EXCEPTION)
                instanceof org.eclipse.jetty.http.HttpException refused) {
            status = refused.getCode();
            String reason = refused.getReason() == null ? HttpStatus.getMessage(status) : refused.getReason();
            message = "The request is not HTTP that this server takes: " + reason + ".";
        }
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(RequestId.HEADER, RequestId.next());
        // The path is not to be trusted where the head was not: the answer is in the form that most clients speak.
        response.write(true, ByteBuffer.wrap(errors.body("", status, message)), callback);
        return true;
    }
}
