package io.plumbline.inference.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NumericNode;

/**
 * Makes trees in which no number has become infinite: {@code 1e400} is refused. A tree that held it would be written as
 * what is no JSON, and compare equal to any other such number.
 */
public final class FiniteNumbers extends JsonNodeFactory {
    private static final long serialVersionUID = 1;

    /** @return a mapper that reads such trees. */
    public static ObjectMapper mapper() {
        return JsonMapper.builder().nodeFactory(new FiniteNumbers()).build();
    }

    /** @throws IllegalArgumentException where it is infinite. */
    @Override
    public NumericNode numberNode(double value) {
        if (Double.isInfinite(value)) {
            throw new IllegalArgumentException("The JSON holds a number beyond the range of 64-bit floating point.");
        }
        return super.numberNode(value);
    }

    /**
     * A whole number of 64 bits.
     *
     * @param what it is, for the message.
     * @throws IllegalArgumentException where it is another value.
     */
    public static long whole(String what, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw new IllegalArgumentException(what + " is " + value + ", which is no whole number of 64 bits.");
        }
        return value.longValue();
    }
}
