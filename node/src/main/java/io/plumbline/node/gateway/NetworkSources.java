package io.plumbline.node.gateway;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.node.data.DataNodes;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;

/** Facts of a network's ledger, and files of its data nodes. */
final class NetworkSources implements RequestSources {
    private final LedgerClient ledger;
    private final TrustedLedger trusted;
    private final BlobTexts files;

    NetworkSources(LedgerClient ledger, TrustedLedger trusted) {
        this.ledger = ledger;
        this.trusted = trusted;
        this.files = new BlobTexts(() -> DataNodes.of(ledger));
    }

    @Override
    public TrustedLedger ledger() {
        return trusted;
    }

    @Override
    public byte[] fact(Bytes32 feed) throws IOException {
        CertifiedEntry entry = ledger.prove(Kind.DECLARED_FEED, feed);
        if (entry == null || entry.value() == null) {
            throw new ApiException(404, "unknown_feed", "plumbline.facts", "The ledger has no feed " + feed + ".");
        }
        return entry.encode();
    }

    @Override
    public byte[] file(Bytes32 id, long most) throws IOException {
        return files.read(id, most);
    }
}
