package io.plumbline.node.full;

import io.plumbline.data.transfer.BlobNode;

/**
 * Where a full node puts what others may want to see later.
 *
 * @param node data node.
 * @param cipher encrypts what is put there.
 */
public record ArchivePlace(BlobNode node, ArchiveCipher cipher) {}
