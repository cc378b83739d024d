/** Authenticated structures: the state's tree and the mountain range of block headers. */
package io.plumbline.ledger.tree;
