/**
 * Results of two folders, or of two commits measured in turns, headline by headline. Entry class
 * {@link io.plumbline.benchmarks.compare.CompareCommand}.
 */
package io.plumbline.benchmarks.compare;
