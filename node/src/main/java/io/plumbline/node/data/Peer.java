package io.plumbline.node.data;

import io.plumbline.data.transfer.BlobNode;
import io.plumbline.verifier.encoding.Bytes32;

/** Another data node, by the key that the ledger knows it by. */
record Peer(Bytes32 key, BlobNode node) {}
