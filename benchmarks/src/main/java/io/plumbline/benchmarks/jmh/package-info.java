/**
 * JMH suites, one a hot path, each with an empty baseline and its peers in the same run: {@code ./plumbline jmh}. See
 * benchmarks/README.md.
 */
package io.plumbline.benchmarks.jmh;
