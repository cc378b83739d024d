/** From chat messages to tokens and back, by a model's own files. */
package io.plumbline.inference.language.tokenizer;
