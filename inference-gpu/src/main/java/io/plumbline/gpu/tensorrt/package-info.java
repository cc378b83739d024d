/**
 * ONNX models on TensorRT: builds, engines' cache, graphs. A plug-in ({@code TensorBackend}), found by {@code
 * ServiceLoader}.
 */
package io.plumbline.gpu.tensorrt;
