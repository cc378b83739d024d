/** Safetensors checkpoints, read and written as streams. */
package io.plumbline.inference.safetensors;
