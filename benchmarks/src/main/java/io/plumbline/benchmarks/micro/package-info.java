/** JMH suites of single operations. */
package io.plumbline.benchmarks.micro;
