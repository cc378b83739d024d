/** ONNX models: packages, batches, backends, calibration and the variants that auditors run. */
package io.plumbline.inference.tensor;
