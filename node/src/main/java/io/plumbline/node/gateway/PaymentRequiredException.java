package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A call that is not paid, and how it may be: x402's fields stand beside the API's own words. */
final class PaymentRequiredException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient ObjectNode terms;

    /** @param terms fields of the response's body beside the API's own. */
    PaymentRequiredException(String message, ObjectNode terms) {
        super(message);
        this.terms = terms;
    }

    ObjectNode terms() {
        return terms;
    }
}
