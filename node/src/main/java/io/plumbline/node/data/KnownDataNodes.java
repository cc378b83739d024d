package io.plumbline.node.data;

import io.plumbline.data.transfer.BlobNode;
import java.io.IOException;
import java.util.List;

/** Says which data nodes there are, when blobs are needed. */
@FunctionalInterface
public interface KnownDataNodes {
    List<BlobNode> find() throws IOException;
}
