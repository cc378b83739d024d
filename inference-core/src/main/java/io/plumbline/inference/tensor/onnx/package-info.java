/**
 * ONNX files: what they say of themselves, what is refused, and how they are rewritten for variants. Imports no
 * runtime.
 */
package io.plumbline.inference.tensor.onnx;
