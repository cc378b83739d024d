/**
 * Language models on CUDA GPUs: the driver, kernels, weights and passes of a device, start-up tests and probes. A
 * plug-in of the engine ({@code Accelerator}), found by {@code ServiceLoader}.
 */
package io.plumbline.gpu.cuda;
