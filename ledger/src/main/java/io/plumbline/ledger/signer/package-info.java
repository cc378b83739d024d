/**
 * A process of its own that has a full node's key and signing history, and signs what a full node asks it to over a
 * Unix-domain socket. Knows no network and no ledger; {@link io.plumbline.ledger.signer.SignerServer} is its entry.
 */
package io.plumbline.ledger.signer;
