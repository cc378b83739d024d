package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Base64;
import java.util.HexFormat;

/** The field {@code plumbline} of every API, by which a client checks an answer. */
final class ReceiptFields {
    private static final HexFormat HEX = HexFormat.of();

    private ReceiptFields() {}

    /** @param choice that is being answered: a client that loses the stream can still ask what became of the money. */
    static ObjectNode begun(Choice choice) {
        return Http.MAPPER
                .createObjectNode()
                .put("request_hash", choice.request().hash().toString());
    }

    /**
     * @param choice answered.
     * @param asked what it answers, and whether the request's and the answer's own bytes come along, in base64.
     */
    static ObjectNode of(Choice choice, ChatRequest asked) {
        Receipt receipt = choice.answered().receipt();
        ObjectNode json = begun(choice)
                .put("receipt", HEX.formatHex(receipt.encode()))
                .put("trace_root", HEX.formatHex(receipt.traceRoot()))
                .put("trace_bytes", receipt.traceBytes())
                .put("node", receipt.node().toString())
                .put("price", receipt.price())
                .put("cpu_ms", choice.answered().cpuNanos() / 1e6);
        String signed = choice.signedText();
        if (!choice.message().isOnly(signed)) {
            // The receipt is for this, and not for what was read out of it.
            json.put("text", signed);
        }
        if (asked.sources() != null) {
            asked.sources().describe(json);
        }
        if (asked.discloses()) {
            Base64.Encoder base64 = Base64.getEncoder();
            json.put("request", base64.encodeToString(choice.request().encode()));
            json.put("answer", base64.encodeToString(choice.answered().answer().encode()));
        }
        return json;
    }
}
