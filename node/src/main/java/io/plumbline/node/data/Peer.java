package io.plumbline.node.data;

import io.plumbline.data.transfer.BlobNode;

/** Another data node, by the key that the ledger knows it by. */
record Peer(byte[] key, BlobNode node) {}
