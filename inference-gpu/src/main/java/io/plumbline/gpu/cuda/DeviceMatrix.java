package io.plumbline.gpu.cuda;

/**
 * A matrix in device memory.
 *
 * @param weights rows of int8; of four bits rows of indices, 16 bytes a group.
 * @param heads of four bits, for each row its sixteen codes and then its groups' factors, filled up to whole 16 bytes;
 *     0 of int8.
 */
record DeviceMatrix(long weights, long heads) {
    /** Of int8. */
    DeviceMatrix(long weights) {
        this(weights, 0);
    }

    /** Whether its weights are of four bits. */
    boolean isGrouped() {
        return heads != 0;
    }
}
