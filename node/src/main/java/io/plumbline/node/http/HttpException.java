package io.plumbline.node.http;

import java.util.Map;

/** A refusal of a request by the server itself: its status, its reason, and the headers that belong to it. */
public final class HttpException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;
    private final transient Map<String, String> headers;

    /** @param status of the response, 400 to 599. */
    public HttpException(int status, String message) {
        this(status, message, Map.of());
    }

    /**
     * @param status of the response, 400 to 599.
     * @param headers that the response carries beside its reason.
     */
    public HttpException(int status, String message, Map<String, String> headers) {
        this(status, null, message, headers);
    }

    /**
     * @param status of the response, 400 to 599.
     * @param code the word that a client's program goes by, where its API has one; null for none.
     * @param headers that the response carries beside its reason.
     */
    public HttpException(int status, String code, String message, Map<String, String> headers) {
        super(message);
        this.status = status;
        this.code = code;
        this.headers = Map.copyOf(headers);
    }

    /** Status of the response, 400 to 599. */
    public int status() {
        return status;
    }

    /** The word that a client's program goes by; null for none. */
    public String code() {
        return code;
    }

    /** Headers that the response carries beside its reason; may be empty. */
    public Map<String, String> headers() {
        return headers;
    }
}
