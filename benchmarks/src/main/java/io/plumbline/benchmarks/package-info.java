/**
 * Measurements beside peers, each a headline in {@code benchmarks/results}. Entry: {@link
 * io.plumbline.benchmarks.Main}.
 */
package io.plumbline.benchmarks;
