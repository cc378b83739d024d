/**
 * Checkpoints as others publish them, whatever their file format: configuration, families, files of a folder, tensors
 * read row by row. The formats stand in {@code safetensors} and {@code gguf}, which import this package.
 */
package io.plumbline.inference.language.checkpoint;
