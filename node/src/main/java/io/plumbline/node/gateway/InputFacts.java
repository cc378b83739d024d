package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.ProvenFact;
import io.plumbline.verifier.tensor.InputFact;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.FactInputs;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Inputs of a tensor model with the facts that a request names put into their places.
 *
 * @param inputs with them.
 * @param facts by their places, with proofs.
 * @param time seconds since 1970 at which they are fresh; 0 where there are none.
 * @param told of each fact, in JSON; null where there are none.
 */
record InputFacts(List<Tensor> inputs, List<InputFact> facts, long time, String told) {
    /** The parameter of an input that names them: {@code ELEMENT=FEED,ELEMENT=FEED}. */
    private static final String PARAMETER = "plumbline_facts";

    /** Inputs that are as they were sent. */
    static InputFacts none(List<Tensor> inputs) {
        return new InputFacts(inputs, List.of(), System.currentTimeMillis() / 1_000, null);
    }

    /**
     * Finds the facts.
     *
     * @param json the inputs as sent.
     * @param inputs read from it, in its order.
     * @throws ApiException where one is not there, not fresh, or does not fit its place.
     */
    static InputFacts of(JsonNode json, List<Tensor> inputs, RequestSources from) throws IOException {
        List<Tensor> filled = new ArrayList<>(inputs);
        List<InputFact> facts = new ArrayList<>();
        ArrayNode told = Http.MAPPER.createArrayNode();
        long time = System.currentTimeMillis() / 1_000;
        for (int i = 0; i < inputs.size(); i++) {
            JsonNode named = json.path(i).path("parameters").path(PARAMETER);
            if (named.isMissingNode() || named.isNull()) {
                continue;
            }
            String text = named.asText();
            if (!named.isTextual() || !text.matches("\\d{1,9}=[0-9a-f]{64}(,\\d{1,9}=[0-9a-f]{64})*")) {
                throw RequestFields.invalid(
                        PARAMETER, "must be ELEMENT=FEED, of 64 hexadecimal digits, or several with commas between.");
            }
            for (String one : text.split(",")) {
                if (facts.size() == InputFact.MAX_FACTS) {
                    throw RequestFields.invalid(PARAMETER, "names more than " + InputFact.MAX_FACTS + " facts.");
                }
                int equals = one.indexOf('=');
                Bytes32 feed = Bytes32.of(HexFormat.of().parseHex(one.substring(equals + 1)));
                InputFact fact = new InputFact(
                        inputs.get(i).name(), Integer.parseInt(one.substring(0, equals)), feed, from.fact(feed));
                try {
                    ProvenFact proven = ProvenFact.of(fact.proof(), feed, from.ledger(), time);
                    filled.set(i, FactInputs.with(filled.get(i), fact.element(), proven));
                    told.addObject()
                            .put("input", fact.input())
                            .put("element", fact.element())
                            .put("feed", feed.toString())
                            .put("value", proven.value().toPlainString());
                } catch (IllegalArgumentException e) {
                    throw new ApiException(422, "unproven_source", PARAMETER, e.getMessage());
                }
                facts.add(fact);
            }
        }
        return facts.isEmpty() ? none(inputs) : new InputFacts(filled, facts, time, told.toString());
    }
}
