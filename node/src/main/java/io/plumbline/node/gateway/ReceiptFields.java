package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.gateway.tools.AnswerPart;
import io.plumbline.verifier.receipt.Receipt;
import java.util.HexFormat;

/** What a client can check an answer by: the field {@code plumbline} of every API. */
final class ReceiptFields {
    private static final HexFormat HEX = HexFormat.of();

    private ReceiptFields() {}

    /** @param choice answered. */
    static ObjectNode of(Choice choice) {
        Receipt receipt = choice.answered().receipt();
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("request_hash", HEX.formatHex(choice.request().hash()))
                .put("receipt", HEX.formatHex(receipt.encode()))
                .put("trace_root", HEX.formatHex(receipt.traceRoot()))
                .put("trace_bytes", receipt.traceBytes())
                .put("node", HEX.formatHex(receipt.node()))
                .put("price", receipt.price())
                .put("cpu_ms", choice.answered().cpuNanos() / 1e6);
        if (choice.signedParts().stream().anyMatch(AnswerPart.Call.class::isInstance)) {
            // The receipt is for this, and not for what was read out of it.
            json.put("text", choice.signedText());
        }
        return json;
    }
}
