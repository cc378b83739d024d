package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.receipt.LogitAdjustments;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Penalties and biases of a body, in millionths: OpenAI's, and the repetition penalty that vLLM and others take. */
final class LogitFields {
    private static final double MILLION = LogitAdjustments.MILLION;
    private static final String BIAS = "logit_bias";

    private LogitFields() {}

    /** @param vocab ids of the model's tokens are below it. */
    static LogitAdjustments adjustments(RequestFields fields, int vocab) {
        double most = LogitAdjustments.MAX_PENALTY / MILLION;
        SortedMap<Integer, Integer> biases = biases(fields, vocab);
        return new LogitAdjustments(
                ChatRequest.millionths(fields, "presence_penalty", 0, -most, most),
                ChatRequest.millionths(fields, "frequency_penalty", 0, -most, most),
                ChatRequest.millionths(
                        fields,
                        "repetition_penalty",
                        1,
                        LogitAdjustments.MIN_REPETITION / MILLION,
                        LogitAdjustments.MAX_REPETITION / MILLION),
                biases.keySet().stream().mapToInt(Integer::intValue).toArray(),
                biases.values().stream().mapToInt(Integer::intValue).toArray());
    }

    /** By token, as clients write it: an object whose names are ids. */
    private static SortedMap<Integer, Integer> biases(RequestFields fields, int vocab) {
        SortedMap<Integer, Integer> biases = new TreeMap<>();
        if (!fields.has(BIAS) || fields.json(BIAS).isEmpty()) {
            return biases;
        }
        double most = LogitAdjustments.MAX_BIAS / MILLION;
        for (Map.Entry<String, JsonNode> one : fields.json(BIAS).properties()) {
            int token = one.getKey().matches("[0-9]{1,9}") ? Integer.parseInt(one.getKey()) : vocab;
            JsonNode bias = one.getValue();
            if (token >= vocab || !bias.isNumber() || !(Math.abs(bias.asDouble()) <= most)) {
                throw RequestFields.invalid(
                        BIAS,
                        "must name tokens of this model, 0 to " + (vocab - 1) + ", with numbers from -100 to 100.");
            }
            biases.put(token, (int) Math.rint(bias.asDouble() * MILLION));
        }
        if (!fields.json(BIAS).isObject() || biases.size() > LogitAdjustments.MAX_BIASED) {
            throw RequestFields.invalid(
                    BIAS, "must be an object of at most " + LogitAdjustments.MAX_BIASED + " tokens.");
        }
        return biases;
    }
}
