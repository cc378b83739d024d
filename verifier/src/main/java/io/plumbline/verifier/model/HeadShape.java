package io.plumbline.verifier.model;

/**
 * The heads of an attention layer's keys and values.
 *
 * @param kvHeads how many there are, 1 or more.
 * @param dim elements of one, and of a query head; even.
 */
public record HeadShape(int kvHeads, int dim) {
    public HeadShape {
        ModelConfig.require(kvHeads > 0 && dim > 0, kvHeads + " heads of " + dim + " elements");
    }

    /** One word of a manifest's config line. */
    String toField() {
        return kvHeads + "x" + dim;
    }

    /** The reverse of {@link #toField}. */
    static HeadShape fromField(String field) {
        String[] parts = field.split("x", -1);
        if (parts.length != 2) {
            throw new IllegalArgumentException("heads \"" + field + "\" are not described by two numbers");
        }
        return new HeadShape(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }
}
