package io.plumbline.verifier.model;

/**
 * Consecutive rows of a tensor of int8 weights.
 *
 * @param stem of the tensor's name: {@code .weight} follows, {@code .weight_scale} and {@code .bias}.
 * @param tensorRows of the whole tensor.
 * @param first of the rows.
 * @param rows how many.
 * @param columns of the tensor.
 */
public record TensorRows(String stem, int tensorRows, int first, int rows, int columns) {
    /** Name of the tensor. */
    public String weight() {
        return stem + ".weight";
    }
}
