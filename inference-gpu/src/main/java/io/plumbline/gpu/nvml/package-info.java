/**
 * The state of NVIDIA's GPUs as the driver's management library (NVML) tells it, for {@code doctor}. {@link
 * io.plumbline.gpu.nvml.Nvml} asks, {@link io.plumbline.gpu.nvml.GpuState} is what came, {@link
 * io.plumbline.gpu.nvml.GpuFitness} judges it and knows no library.
 */
package io.plumbline.gpu.nvml;
