package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.ByteSize;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.Milliseconds;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.data.DataNode;
import io.plumbline.node.data.StorageOffer;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.http.Origins;
import io.plumbline.node.network.Network;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** {@code plumbline data-node}. */
@Parameters(
        commandNames = "data-node",
        commandDescription = "Keep large files by their hash, and serve them over HTTP.")
public final class DataNodeCommand extends RoleCommand {
    @Parameter(names = "--port", description = "HTTP port, 0 for any", validateValueWith = Bounds.Port.class)
    private int port = 9200;

    @Parameter(names = "--stake", description = "stake to put up", validateValueWith = Bounds.AtLeastZero.class)
    private long stake = 10_000;

    @Parameter(
            names = "--quota",
            description = "that its blobs may have together, such as 500G; what the disk has where none is named",
            converter = ByteSize.class)
    private Long quota;

    @Parameter(
            names = "--api-keys",
            description = "FILE: of those that may put, pin and delete blobs, which ./plumbline api-key makes; without"
                    + " it all on this host may, and nobody where others reach it. Reading takes no key")
    private Path apiKeys;

    @Parameter(
            names = "--scrub-days",
            description = "days in which each blob is compared with its id once",
            validateValueWith = Bounds.AtLeastOne.class)
    private int scrubDays = 30;

    @Parameter(
            names = "--scrub-rate",
            description = "bytes a second that are read to compare blobs with their ids",
            converter = ByteSize.class,
            validateValueWith = Bounds.AtLeastOne.class)
    private Long scrubRate = 50L << 20;

    @Parameter(
            names = "--unpinned-hours",
            description = "hours after which blobs that nobody pinned are removed",
            validateValueWith = Bounds.AtLeastOne.class)
    private int unpinnedHours = 24;

    @Parameter(
            names = "--repair-minutes",
            description = "minutes for which no data node has a striped blob's shard before it is made again",
            validateValueWith = Bounds.AtLeastZero.class)
    private int repairMinutes = 30;

    @Parameter(names = "--feed", description = "ID of a feed to report on, once in each of its rounds; again for more")
    private List<String> feeds = new ArrayList<>();

    @Parameter(
            names = "--private-sources",
            description = "fetch sources of this host and of private networks too: only where all feeds are your own")
    private boolean privateSources;

    @Parameter(
            names = "--storage-price",
            description = "least that is taken for keeping a GiB for a day, in the smallest unit, such as 20 or 0.5;"
                    + " without it no deal is accepted, and those that it holds go on",
            validateValueWith = Bounds.AtLeastZero.class)
    private BigDecimal storagePrice;

    @Parameter(
            names = "--storage-collateral",
            description = "most of the stake that one deal may reserve, lost where a challenge is not answered in time",
            validateValueWith = Bounds.AtLeastOne.class)
    private long storageCollateral = 1_000;

    @Parameter(
            names = "--storage-proof",
            converter = Milliseconds.class,
            description =
                    "TIME: shortest time to answer a challenge that is taken on: longer than this host may be away")
    private Long storageProofMs = 600_000L;

    private StorageOffer offer() throws IOException {
        if (storagePrice == null) {
            return null;
        }
        if (storagePrice.precision() > 30 || Math.abs(storagePrice.scale()) > 30) {
            throw new IOException("--storage-price has at most 30 digits.");
        }
        if (storageProofMs < 1_000) {
            throw new IOException("--storage-proof is 1s or more.");
        }
        return new StorageOffer(storagePrice, storageCollateral, Duration.ofMillis(storageProofMs));
    }

    private Set<Bytes32> feeds() throws IOException {
        Set<Bytes32> ids = new HashSet<>();
        for (String feed : feeds) {
            try {
                ids.add(BlobIds.parse(feed));
            } catch (IllegalArgumentException e) {
                throw new IOException(
                        "--feed: \"" + feed + "\" is no feed's id: 64 hexadecimal digits, as ledger"
                                + " declare-feed prints them.",
                        e);
            }
        }
        return ids;
    }

    @Override
    List<Check> ownChecks() {
        return List.of(this::feeds, this::offer, () -> {
            if (apiKeys != null) {
                NamedPaths.requireFile("--api-keys", apiKeys);
                TenantFile.read(apiKeys);
            }
        });
    }

    @Override
    RunningRole open(Network on, KeyPair keys, FaultListener faults) throws IOException {
        Tenants tenants = apiKeys == null ? null : new Tenants(apiKeys, dir, 1, events::emit);
        DataNode.Context context = new DataNode.Context(
                dir,
                host,
                port,
                Origins.LOCAL.withHosts(operator.hosts()),
                stake,
                quota == null ? Long.MAX_VALUE : quota,
                Duration.ofDays(scrubDays),
                RateLimit.of(scrubRate),
                Duration.ofHours(unpinnedHours),
                Duration.ofMinutes(repairMinutes),
                Duration.ofMinutes(1),
                feeds(),
                new SourceFetch(privateSources),
                offer());
        return DataNode.launch(on, keys, context, tenants, null, events, faults);
    }
}
