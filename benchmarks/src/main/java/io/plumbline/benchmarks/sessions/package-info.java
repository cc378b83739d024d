/**
 * Echoes over encrypted sessions, raw Aeron and gRPC beside each other. Entry class
 * {@link io.plumbline.benchmarks.sessions.SessionLoad}.
 */
package io.plumbline.benchmarks.sessions;
