/**
 * The settlement state machine: money, stakes, nodes, requests under way, evidence and blocks. Pure, single-threaded,
 * and the same on every member that applies the same commands.
 */
package io.plumbline.ledger.state;
