/**
 * The blob store of one host: whole files named by their BLAKE3 hash, their outboards beside them, and a catalog.
 * Enters by {@link io.plumbline.data.store.BlobStore}. Imports the verifier's hashing, RocksDB, and no network.
 */
package io.plumbline.data.store;
