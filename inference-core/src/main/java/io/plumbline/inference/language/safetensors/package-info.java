/** Safetensors checkpoints, read and written as streams. */
package io.plumbline.inference.language.safetensors;
