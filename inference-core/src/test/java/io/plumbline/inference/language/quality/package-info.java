/** The same model in floating point, to measure what int8 costs. Nothing is served by it. */
package io.plumbline.inference.language.quality;
