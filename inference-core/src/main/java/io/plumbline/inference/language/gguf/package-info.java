/** GGUF checkpoints, read and written. */
package io.plumbline.inference.language.gguf;
