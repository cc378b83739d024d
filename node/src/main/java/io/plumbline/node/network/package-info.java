/**
 * What every process of a network shares: the network's file, the wait for its ledger, certified settlements, events
 * and what is printed, deadlines. Imports nothing else of this module.
 */
package io.plumbline.node.network;
