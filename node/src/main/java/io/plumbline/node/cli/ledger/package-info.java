/** What operators of full nodes and owners of accounts do with the ledger, a file a command. */
package io.plumbline.node.cli.ledger;
