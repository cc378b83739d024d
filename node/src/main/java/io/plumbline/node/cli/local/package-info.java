/**
 * A whole network on this host: {@code plumbline network up}, {@code status} and {@code down}. Its processes stay when
 * the command has ended, and its ledger when the processes have.
 */
package io.plumbline.node.cli.local;
