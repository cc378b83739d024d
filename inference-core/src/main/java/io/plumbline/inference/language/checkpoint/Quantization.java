package io.plumbline.inference.language.checkpoint;

/** How a checkpoint says that its matrices are stored. */
public enum Quantization {
    /** As floats, or in a packed form that each tensor names. */
    NONE,

    /** In the compressed-tensors W8A8 layout. */
    INT8,

    /** In groups of four bits, as an imported folder has them. */
    INT4
}
