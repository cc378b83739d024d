package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.lightclient.ProvenFact;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.InputFact;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorRequest;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Inputs of a tensor model that are outside facts: each holds what a quorum of a ledger's full nodes has certified of
 * its feed, and that was fresh when the request was made.
 */
public final class FactInputs {
    private FactInputs() {}

    /**
     * Whether all facts of a request are proven, and its inputs hold them.
     *
     * @param ledger that is trusted; null where none is known.
     * @return what does not hold, or null.
     * @throws IllegalStateException where there are facts, and no ledger is known: nobody is refuted by that.
     */
    public static Failure check(TensorRequest request, TrustedLedger ledger) {
        for (InputFact fact : request.facts()) {
            Tensor input = request.inputs().stream()
                    .filter(one -> one.name().equals(fact.input()))
                    .findFirst()
                    .orElse(null);
            if (input == null) {
                return Failure.of(Step.INPUTS, "a fact stands in input \"" + fact.input() + "\", which there is not");
            }
            try {
                ProvenFact proven = ProvenFact.of(fact.proof(), fact.feed(), ledger, request.time());
                if (!Arrays.equals(element(input, fact.element()), bytes(input.type(), proven))) {
                    return Failure.of(
                            Step.INPUTS,
                            "element " + fact.element() + " of input \"" + fact.input() + "\" is not the value of feed "
                                    + fact.feed());
                }
            } catch (IllegalArgumentException e) {
                return Failure.of(Step.INPUTS, e.getMessage());
            }
        }
        return null;
    }

    /**
     * The same input with a feed's value in its place.
     *
     * @throws IllegalArgumentException where there is no such element, or its type has no room for the value.
     */
    public static Tensor with(Tensor input, int element, ProvenFact fact) {
        byte[] value = bytes(input.type(), fact);
        element(input, element);
        byte[] data = input.data().clone();
        System.arraycopy(value, 0, data, element * value.length, value.length);
        return new Tensor(input.name(), input.type(), input.shape(), data);
    }

    private static byte[] element(Tensor input, int element) {
        int size = input.type().bytes();
        if (size == 0 || element < 0 || element >= input.elements()) {
            throw new IllegalArgumentException(
                    "Input \"" + input.name() + "\" has no element " + element + " that a number could stand in.");
        }
        return Arrays.copyOfRange(input.data(), element * size, (element + 1) * size);
    }

    /** The nearest number of a type with a fraction; the very number of a type of integers. */
    private static byte[] bytes(ElementType type, ProvenFact fact) {
        BigDecimal value = fact.value();
        ByteBuffer out = ByteBuffer.allocate(type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        try {
            switch (type) {
                case FP32 -> out.putFloat(value.floatValue());
                case FP64 -> out.putDouble(value.doubleValue());
                case INT64 -> out.putLong(value.longValueExact());
                case INT32 -> out.putInt(value.intValueExact());
                default ->
                    throw new IllegalArgumentException(
                            "A fact stands in an input of FP32, FP64, INT32 or INT64, not " + type + ".");
            }
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "The value " + value.toPlainString() + " of feed "
                            + fact.feed().name() + " is no " + type + ".",
                    e);
        }
        return out.array();
    }
}
