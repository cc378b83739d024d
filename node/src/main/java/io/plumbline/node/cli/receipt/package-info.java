/** What the ledger made of an answer, checked offline. */
package io.plumbline.node.cli.receipt;
