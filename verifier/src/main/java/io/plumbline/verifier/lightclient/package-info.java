/**
 * What the ledger has certified, checked with the full nodes' keys alone: headers, certificates, entries and their
 * proofs.
 */
package io.plumbline.verifier.lightclient;
