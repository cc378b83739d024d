package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;

/** The server has refused a request, or failed to answer it, and says why. */
public final class ApiException extends PlumblineException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;
    private final String type;
    private final String parameter;

    private ApiException(int status, JsonNode error) {
        super(error.path("message").asText("The server answered with HTTP status " + status + "."), null);
        this.status = status;
        this.code = error.path("code").textValue();
        this.type = error.path("type").textValue();
        this.parameter = error.path("param").textValue();
    }

    /**
     * An error in the form of OpenAI's API.
     *
     * @param json of the response; what is missing in it is left out.
     */
    static ApiException of(int status, JsonNode json) {
        return new ApiException(status, json.path("error"));
    }

    /** HTTP status; 200 where the error ended a stream that had begun. */
    public int status() {
        return status;
    }

    /** OpenAI's word for what is wrong, {@code model_not_found} for one; null where the server names none. */
    public String code() {
        return code;
    }

    /** {@code invalid_request_error} or {@code server_error}; null where the server names none. */
    public String type() {
        return type;
    }

    /** The field of the request that it is about; null where the server names none. */
    public String parameter() {
        return parameter;
    }
}
