/** Freivalds' check of matrix products in the ring of integers modulo 2^64, with secret vectors. */
package io.plumbline.verifier.freivalds;
