package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.node.cli.ByteSize;
import io.plumbline.node.data.DataNodes;
import io.plumbline.node.data.LocalSource;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Media;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Options that say where blobs are: a store of this host, data nodes by their addresses, or a network's. */
public final class BlobPlaces {
    @Parameter(names = "--store", description = "DIR: a store of this host, made where it is absent; needs no network")
    private Path store;

    @Parameter(names = "--data-node", description = "URL: a data node, such as http://192.0.2.7:9200; again for more")
    private List<String> nodes = new ArrayList<>();

    @Parameter(names = "--network", description = "FILE: of the network whose data nodes are meant, all of them")
    private Path network;

    @Parameter(
            names = "--api-key",
            description = "for data nodes that ask for one; the variable PLUMBLINE_API_KEY otherwise")
    private String apiKey = System.getenv("PLUMBLINE_API_KEY");

    @Parameter(names = "--limit-rate", description = "most bytes a second, such as 10M", converter = ByteSize.class)
    private Long rate;

    public RateLimit rate() throws IOException {
        if (rate != null && rate < 1) {
            throw new IOException("--limit-rate is 1 or more bytes a second.");
        }
        return rate == null ? RateLimit.none() : RateLimit.of(rate);
    }

    boolean hasStore() {
        return store != null;
    }

    /** Opens the store that is named, for the caller to close. */
    BlobStore openStore() throws IOException {
        return BlobStore.open(store, Long.MAX_VALUE);
    }

    /** The data nodes that are named; none where only a store is. */
    public List<BlobNode> nodes() throws IOException {
        List<BlobNode> found = new ArrayList<>();
        for (String url : nodes) {
            try {
                found.add(new BlobNode(url, apiKey));
            } catch (IllegalArgumentException e) {
                throw new IOException("--data-node: " + e.getMessage(), e);
            }
        }
        if (network != null) {
            List<BlobNode> announced = ofNetwork();
            if (announced.isEmpty()) {
                throw new IOException("The ledger of " + network + " knows no data node.");
            }
            found.addAll(announced);
        }
        return found;
    }

    private List<BlobNode> ofNetwork() throws IOException {
        return of(Network.read(network));
    }

    /** The data nodes that a network's ledger knows. */
    public static List<BlobNode> of(Network known) throws IOException {
        Path folder = Files.createTempDirectory("plumbline-ledger-");
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                LedgerClient ledger = known.ledger(media.directory(), known.addressHere(), KeyPair.random())) {
            return DataNodes.of(ledger);
        } finally {
            Directories.discard(folder);
        }
    }

    /** The data nodes that are named, at least one. */
    public List<BlobNode> requireNodes() throws IOException {
        List<BlobNode> found = nodes();
        if (found.isEmpty()) {
            throw nowhere();
        }
        return found;
    }

    /** Where a blob can be had from, the store first. */
    List<BlobSource> sources(BlobStore opened) throws IOException {
        List<BlobSource> sources = new ArrayList<>();
        if (opened != null) {
            sources.add(new LocalSource(opened));
        }
        sources.addAll(nodes());
        if (sources.isEmpty()) {
            throw nowhere();
        }
        return sources;
    }

    private static IOException nowhere() {
        return new IOException("Say where blobs are: --store DIR, --data-node URL, or --network FILE.");
    }
}
