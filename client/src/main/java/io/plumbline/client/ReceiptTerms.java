package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.Locale;

/**
 * The terms that a request sets for its receipt and its settlement.
 *
 * @param node key of the node that is asked for, in hexadecimal; null for any.
 * @param modelId that the receipt is to name; null for any.
 * @param level at which the answer is audited at least; null where the server chooses.
 */
record ReceiptTerms(String node, Bytes32 modelId, Level level) {
    /**
     * Those of a body.
     *
     * @param body as it is sent.
     * @param modelId that the client holds all answers to; null for none.
     */
    static ReceiptTerms of(JsonNode body, Bytes32 modelId) {
        JsonNode plumbline = body.path("plumbline");
        return new ReceiptTerms(plumbline.path("node").textValue(), modelId, level(plumbline.path("level")));
    }

    /** Null for a word that is none: the server refuses it. */
    private static Level level(JsonNode json) {
        return switch (json.asText("").toLowerCase(Locale.ROOT)) {
            case "signed" -> Level.SIGNED;
            case "audited" -> Level.AUDITED;
            case "full" -> Level.FULL;
            default -> null;
        };
    }
}
