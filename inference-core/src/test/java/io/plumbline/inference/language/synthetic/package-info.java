/** Models of any shape with random weights, for tests and benchmarks. */
package io.plumbline.inference.language.synthetic;
