/**
 * Load drivers: requests sent when they are due, whatever came of those before, and latencies from then on. Entry class
 * {@link io.plumbline.benchmarks.load.LoadMain}.
 */
package io.plumbline.benchmarks.load;
