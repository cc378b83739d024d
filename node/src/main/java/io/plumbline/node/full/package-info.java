/**
 * The full node: its member of the ledger's cluster, the agent that audits what it was drawn for, evidence it keeps,
 * and the socket its operator speaks to. Imports {@code client} and {@code network}. Entry: {@link
 * io.plumbline.node.full.FullNode}.
 */
package io.plumbline.node.full;
