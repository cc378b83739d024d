/** BLAKE3: the reference after the specification, Vector API and C forms, trees of chunks and slices of them. */
package io.plumbline.verifier.blake3;
