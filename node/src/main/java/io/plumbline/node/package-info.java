/**
 * The roles and their command line: full node, inference node and gateway, and what operators and owners of accounts do
 * with the ledger.
 */
package io.plumbline.node;
