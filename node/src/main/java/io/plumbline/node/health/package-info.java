/**
 * The common part of every role's process while it runs: whether it is alive and ready ({@link
 * io.plumbline.node.health.OperatorListener}), when it ends and with which exit code ({@link
 * io.plumbline.node.health.Lifecycle}, {@link io.plumbline.node.health.ExitCode}), and how it drains ({@link
 * io.plumbline.node.health.RunningRole}). It imports {@code network} for events and {@code http} for the listener.
 */
package io.plumbline.node.health;
