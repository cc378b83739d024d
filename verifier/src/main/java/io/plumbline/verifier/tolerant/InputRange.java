package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.Tensor;

/**
 * Between what one input's elements must lie for an answer to be judged: how far honest engines lie apart grows with
 * what they sum.
 *
 * @param least of the elements that the model was calibrated with.
 * @param most of them.
 */
public record InputRange(double least, double most) {
    /** So many times as wide as what was seen: well within what bounds are widened by. */
    private static final double WIDER = 2;

    /** @throws IllegalArgumentException where it is none. */
    public InputRange {
        if (!(least <= most)) {
            throw new IllegalArgumentException("an input's elements from " + least + " to " + most);
        }
    }

    /** Of one input's elements; null where there are none, or none that is a number. */
    static InputRange of(Tensor input) {
        InputRange range = null;
        for (double value : input.values()) {
            if (!Double.isNaN(value)) {
                range = range == null
                        ? new InputRange(value, value)
                        : new InputRange(Math.min(range.least, value), Math.max(range.most, value));
            }
        }
        return range;
    }

    InputRange and(InputRange other) {
        return new InputRange(Math.min(least, other.least), Math.max(most, other.most));
    }

    /** Least element that is taken. */
    public double from() {
        return least - (WIDER - 1) / 2 * (most - least);
    }

    /** Largest element that is taken. */
    public double to() {
        return most + (WIDER - 1) / 2 * (most - least);
    }

    /** @throws IllegalArgumentException naming the first element that lies outside. */
    void check(Tensor input) {
        double from = from();
        double to = to();
        int elements = input.elements();
        for (int i = 0; i < elements; i++) {
            double value = input.value(i);
            if (!(value >= from && value <= to)) {
                throw new IllegalArgumentException("Input \"" + input.name() + "\" has " + value + " at element "
                        + i
                        + ". The model was calibrated with " + least + " to " + most + ", and its answers are held to"
                        + " bounds from " + from + " to " + to
                        + ". Scale the input, or have the model calibrated with inputs like this one (--inputs FILE).");
            }
        }
    }
}
