/** Result files read again: shown on one page, and compared. */
package io.plumbline.benchmarks.report;
