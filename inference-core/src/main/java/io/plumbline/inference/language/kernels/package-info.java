/**
 * Integer matrix products for processors: one specification, its Vector API form and its C form, which give the same
 * bits.
 */
package io.plumbline.inference.language.kernels;
