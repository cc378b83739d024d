package io.plumbline.verifier.audit;

/**
 * Where an answer is wrong.
 *
 * @param step that did not hold.
 * @param layer of the cell, -1 where none.
 * @param token position, -1 where none.
 * @param detail for a person.
 */
public record Failure(Step step, int layer, int token, String detail) {
    public static Failure of(Step step, String detail) {
        return new Failure(step, -1, -1, detail);
    }

    /** The cell for a person: "layer 1, token 17". */
    public String place() {
        if (layer < 0 && token < 0) {
            return "receipt";
        }
        return layer < 0 ? "token " + token : "layer " + layer + ", token " + token;
    }

    @Override
    public String toString() {
        return place() + ": " + step + " does not hold (" + step.meaning() + "): " + detail;
    }
}
