/**
 * Suites by name, each the commands that its headlines name. Entry class
 * {@link io.plumbline.benchmarks.suite.RunCommand}.
 */
package io.plumbline.benchmarks.suite;
