package io.plumbline.node.gateway;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.json.FiniteNumbers;
import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.network.BusyException;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HexFormat;

/** What the gateway's APIs have in common. */
public final class Http {
    /** A field that stands twice is refused: what stands before this gateway may have read the other. */
    public static final ObjectMapper MAPPER = JsonMapper.builder()
            .nodeFactory(new FiniteNumbers())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Http() {}

    /** Answers a request, or fails with a reason. */
    public interface Handler {
        void handle() throws IOException;
    }

    /** How an API words a refusal. */
    public interface Refusal {
        /**
         * @param code OpenAI's word for what is wrong; null for none.
         * @param parameter the field that it is about; null for none.
         */
        JsonNode of(int status, String code, String parameter, String message);
    }

    /** How the API that a path belongs to words a refusal. */
    static Refusal form(String path) {
        if (path.equals("/v2") || path.startsWith("/v2/")) {
            return Http::openInference;
        }
        return path.equals("/v1/messages") || path.startsWith("/v1/messages/") ? Http::anthropic : Http::openAi;
    }

    /** How the server itself refuses what no API sees. */
    static byte[] refusal(String path, int status, String message) {
        try {
            return MAPPER.writeValueAsBytes(form(path).of(status, null, null, message));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As OpenAI words it. */
    public static JsonNode openAi(int status, String code, String parameter, String message) {
        return MAPPER.createObjectNode()
                .set(
                        "error",
                        MAPPER.createObjectNode()
                                .put("message", message)
                                .put("type", type(status, code))
                                .put("param", parameter)
                                .put("code", code));
    }

    /** As Anthropic words it. */
    static JsonNode anthropic(int status, String code, String parameter, String message) {
        String type = switch (status) {
            case 401 -> "authentication_error";
            case 402 -> "billing_error";
            case 403 -> "permission_error";
            case 404 -> "not_found_error";
            case 413 -> "request_too_large";
            case 429 -> "rate_limit_error";
            case 503, 529 -> "overloaded_error";
            case 408, 504 -> "timeout_error";
            default -> status < 500 ? "invalid_request_error" : "api_error";
        };
        ObjectNode json = MAPPER.createObjectNode().put("type", "error");
        json.putObject("error").put("type", type).put("message", message);
        return json;
    }

    private static String type(int status, String code) {
        if (status == 429 && code != null) {
            return code.equals("insufficient_quota") ? code : "rate_limit_error";
        }
        return status < 500 ? "invalid_request_error" : "server_error";
    }

    /** As the Open Inference Protocol words it. */
    static JsonNode openInference(int status, String code, String parameter, String message) {
        return MAPPER.createObjectNode().put("error", message);
    }

    public static void send(HttpExchange http, int status, JsonNode json) throws IOException {
        http.responseHeader("Content-Type", "application/json");
        http.send(status, MAPPER.writeValueAsBytes(json));
    }

    /** What a client's program goes by, or null: the same request may be answered in some seconds. */
    static String code(Exception why) {
        return why instanceof BusyException ? "overloaded" : null;
    }

    /**
     * Runs a handler; what it throws becomes a status and a reason. What was held for the request is given back before
     * the client reads them: its next request may be paid by it.
     */
    public static void guarded(HttpExchange http, Refusal refusal, Handler handler) throws IOException {
        try {
            try {
                handler.handle();
            } catch (IOException | RuntimeException e) {
                Admission admission = Admission.of(http);
                admission.used(Usage.NONE);
                admission.tell(http);
                throw e;
            }
        } catch (ApiException e) {
            send(http, e.status(), refusal.of(e.status(), e.code(), e.parameter(), e.getMessage()));
        } catch (HttpException e) {
            refuse(http, refusal, e);
        } catch (PaymentRequiredException e) {
            ObjectNode json = (ObjectNode) refusal.of(402, "payment_required", null, e.getMessage());
            http.responseHeader("x-should-retry", "false");
            send(http, 402, json.setAll(e.terms()));
        } catch (AnswerTooLargeException e) {
            send(http, 413, refusal.of(413, null, null, e.getMessage()));
        } catch (IllegalArgumentException e) {
            send(http, 400, refusal.of(400, null, null, e.getMessage()));
        } catch (IOException e) {
            send(http, 503, refusal.of(503, code(e), null, e.getMessage()));
        }
    }

    /** Reads JSON that was written here. */
    static JsonNode json(String text) {
        return reading(() -> MAPPER.readTree(text));
    }

    /** Says why a request is not answered. */
    static void refuse(HttpExchange http, Refusal form, HttpException why) throws IOException {
        why.headers().forEach(http::responseHeader);
        send(http, why.status(), form.of(why.status(), why.code(), null, why.getMessage()));
    }

    /**
     * Looks whether a client's key is for a model.
     *
     * @throws ApiException in the words for a model that there is not: it is none of that client's business.
     */
    static void requireMayAsk(HttpExchange http, String model) {
        if (!Admission.of(http).mayAsk(model)) {
            throw new ApiException(
                    404,
                    "model_not_found",
                    "model",
                    "The model \"" + model + "\" does not exist, or this API key is not for it.");
        }
    }

    /** Reads JSON of a size that was looked at before. */
    static JsonNode json(byte[] body, int offset, int length) {
        return reading(() -> MAPPER.readTree(body, offset, length));
    }

    /**
     * Reads the first {@code length} bytes of a request's body, once there is memory for what they become.
     *
     * @throws ApiException where they are no JSON that is taken.
     * @throws HttpException where there is not so much memory.
     */
    static JsonNode json(HttpExchange http, byte[] body, int length) {
        return json(http, body, length, Long.MAX_VALUE);
    }

    /**
     * As {@link #json(HttpExchange, byte[], int)}, of all of it.
     *
     * @param mostValues that the JSON may consist of.
     */
    static JsonNode json(HttpExchange http, int mostBytes, long mostValues) throws IOException {
        byte[] body = http.body(mostBytes);
        return json(http, body, body.length, mostValues);
    }

    private static JsonNode json(HttpExchange http, byte[] body, int length, long mostValues) {
        JsonMemory memory = reading(() -> JsonMemory.of(body, 0, length));
        if (memory.values() > mostValues) {
            throw new ApiException(
                    413,
                    "The request body holds " + memory.values() + " names and values; " + mostValues
                            + " are the most.");
        }
        http.hold(memory.bytes());
        return json(body, 0, length);
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private static <T> T reading(Reading<T> what) {
        try {
            return what.read();
        } catch (StreamConstraintsException e) {
            throw new ApiException(400, "The request body is JSON with too long a number or too many levels.");
        } catch (JacksonException e) {
            boolean isTwice = e.getOriginalMessage().startsWith("Duplicate");
            JsonLocation at = e.getLocation();
            throw new ApiException(
                    400,
                    (isTwice ? "A field of the request body stands twice" : "The request body is not JSON")
                            + (at == null ? "." : ": line " + at.getLineNr() + ", column " + at.getColumnNr() + "."));
        } catch (IOException e) {
            throw new ApiException(400, "The request body is no text in UTF-8.");
        }
    }

    /** 32 bytes in hexadecimal. */
    public static Bytes32 key(String hex) {
        try {
            byte[] key = HexFormat.of().parseHex(hex);
            if (key.length == 32) {
                return Bytes32.of(key);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new ApiException(400, "\"" + hex + "\" is not 32 bytes in hexadecimal.");
    }
}
