package io.plumbline.node.gateway;

import io.plumbline.data.transfer.BlobNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;
import java.util.List;

/** Files of data nodes that the operator names, for a server that has joined no network. */
public final class FileSources implements RequestSources {
    private final BlobTexts files;

    /** @param nodes that are asked; none where requests may name no files. */
    public FileSources(List<BlobNode> nodes) {
        this.files = nodes.isEmpty() ? null : new BlobTexts(() -> nodes);
    }

    @Override
    public TrustedLedger ledger() {
        return null;
    }

    @Override
    public byte[] fact(Bytes32 feed) {
        throw unsupported("facts", "Facts stand on a network's ledger, and this server has joined none.");
    }

    @Override
    public byte[] file(Bytes32 id, long most) throws IOException {
        if (files == null) {
            throw unsupported(
                    "files", "This server knows no data node to fetch files from. Start it with --data-node URL.");
        }
        return files.read(id, most);
    }

    private static ApiException unsupported(String field, String why) {
        return new ApiException(400, "unsupported_parameter", "plumbline." + field, why);
    }
}
