package io.plumbline.node.gateway;

/** A refusal as the OpenAI API words it. */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;
    private final String parameter;

    /** @param status of the HTTP response. */
    public ApiException(int status, String message) {
        this(status, null, null, message);
    }

    /**
     * @param status of the HTTP response.
     * @param code OpenAI's word for what is wrong, which clients act on; null for none.
     * @param parameter the field of the request that it is about; null for none.
     */
    public ApiException(int status, String code, String parameter, String message) {
        super(message);
        this.status = status;
        this.code = code;
        this.parameter = parameter;
    }

    int status() {
        return status;
    }

    String code() {
        return code;
    }

    String parameter() {
        return parameter;
    }
}
