package io.plumbline.node.data;

import io.plumbline.data.transfer.BlobNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.DataNode;
import java.io.IOException;
import java.util.List;

/** Data nodes by what the ledger says of them. */
public final class DataNodes {
    private DataNodes() {}

    /** All that are announced. */
    public static List<BlobNode> of(LedgerClient ledger) throws IOException {
        return ledger.dataNodes().stream().map(DataNodes::at).toList();
    }

    /** One of them. */
    public static BlobNode at(DataNode node) {
        return BlobNode.announced(node.host(), node.port());
    }
}
