/**
 * What the ledger has certified, checked with the full nodes' keys alone: headers, certificates, entries, their proofs,
 * and the settlements of requests ({@link io.plumbline.verifier.lightclient.SettlementProof}).
 */
package io.plumbline.verifier.lightclient;
