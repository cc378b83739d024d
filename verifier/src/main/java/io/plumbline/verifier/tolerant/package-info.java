/** The audit of an ONNX answer: bounds by calibration, scales by the request, evidence. */
package io.plumbline.verifier.tolerant;
