/** Tensors as requests and answers carry them, and what an ONNX model declares. */
package io.plumbline.verifier.tensor;
