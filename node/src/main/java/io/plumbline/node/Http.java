package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.plumbline.transport.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HexFormat;

/** What the gateway's APIs have in common. */
final class Http {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private Http() {}

    /** Answers a request, or fails with a reason. */
    interface Handler {
        void handle() throws IOException;
    }

    /** How an API words a refusal. */
    interface Refusal {
        JsonNode of(int status, String message);
    }

    /** As OpenAI words it. */
    static JsonNode openAi(int status, String message) {
        return MAPPER.createObjectNode()
                .set(
                        "error",
                        MAPPER.createObjectNode()
                                .put("message", message)
                                .put("type", status < 500 ? "invalid_request_error" : "server_error")
                                .putNull("param")
                                .putNull("code"));
    }

    /** As the Open Inference Protocol words it. */
    static JsonNode openInference(int status, String message) {
        return MAPPER.createObjectNode().put("error", message);
    }

    static void send(ServerResponse response, int status, JsonNode json) throws IOException {
        response.status(Status.create(status));
        response.header("Content-Type", "application/json");
        response.send(MAPPER.writeValueAsBytes(json));
    }

    /** Runs a handler; what it throws becomes a status and a reason. */
    static void guarded(ServerResponse response, Refusal refusal, Handler handler) {
        try {
            try {
                handler.handle();
            } catch (ApiException e) {
                send(response, e.status(), refusal.of(e.status(), e.getMessage()));
            } catch (IllegalArgumentException e) {
                send(response, 400, refusal.of(400, e.getMessage()));
            } catch (IOException e) {
                send(response, 503, refusal.of(503, e.getMessage()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A request's body; one that no message could carry on is refused before it is read. */
    static byte[] body(ServerRequest request) {
        long announced = request.headers().contentLength().orElse(0);
        if (announced > Endpoint.MAX_MESSAGE_BYTES) {
            throw new ApiException(
                    413,
                    "The request has " + announced + " bytes; " + Endpoint.MAX_MESSAGE_BYTES
                            + " are the most. Send it in parts.");
        }
        return request.content().hasEntity() ? request.content().as(byte[].class) : new byte[0];
    }

    static JsonNode json(byte[] body, int offset, int length) {
        try {
            return MAPPER.readTree(body, offset, length);
        } catch (IOException e) {
            throw new ApiException(400, "The request body is not JSON: " + e.getMessage());
        }
    }

    static JsonNode json(ServerRequest request) {
        byte[] body = body(request);
        return json(body, 0, body.length);
    }

    /** 32 bytes in hexadecimal. */
    static byte[] key(String hex) {
        try {
            byte[] key = HexFormat.of().parseHex(hex);
            if (key.length == 32) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new ApiException(400, "\"" + hex + "\" is not 32 bytes in hexadecimal.");
    }
}
