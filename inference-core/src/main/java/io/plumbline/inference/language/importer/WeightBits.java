package io.plumbline.inference.language.importer;

/** How an import keeps the matrices of layers; embedding, output matrix and routers are kept alike either way. */
public enum WeightBits {
    /** A byte a weight, or the checkpoint's own where it has int8. */
    INT8,

    /** Half a byte a weight, in groups, where rows are whole groups. */
    INT4
}
