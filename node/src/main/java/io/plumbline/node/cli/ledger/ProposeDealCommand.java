package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.data.erasure.ShardSources;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.DataNode;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.node.cli.ByteSize;
import io.plumbline.node.cli.Milliseconds;
import io.plumbline.node.data.DataNodes;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code plumbline ledger propose-deal}. */
@Parameters(
        commandNames = "propose-deal",
        commandDescription = "Offer pay for keeping a blob; the price of all rounds is set aside at once.")
final class ProposeDealCommand extends SessionCommand {
    private static final String ANY = "any";

    @Parameter(names = "--blob", required = true, description = "ID: 64 hexadecimal digits, as `blob put` prints")
    private String blob;

    @Parameter(
            names = "--bytes",
            converter = ByteSize.class,
            description = "of the blob, to the byte; as the data nodes say, where it is left out")
    private Long bytes;

    @Parameter(
            names = "--data-node",
            description = "KEY of the one that is asked, or any: the first that accepts; given again, a deal with each")
    private List<String> dataNodes = List.of(ANY);

    @Parameter(
            names = "--copies",
            description = "deals that are made, each with another data node: with --data-node any")
    private int copies = 1;

    @Parameter(
            names = "--shards",
            description = "of a blob that was put in shards: a deal for each of them, with the data node that has it")
    private boolean shards;

    @Parameter(
            names = "--term",
            required = true,
            converter = Milliseconds.class,
            description = "TIME: for which it is kept, as 30d; a whole number of rounds")
    private Long termMs;

    @Parameter(
            names = "--round",
            converter = Milliseconds.class,
            description = "TIME: from one proof to the next challenge, 2s to 30d")
    private Long roundMs = 24 * 3_600_000L;

    @Parameter(
            names = "--proof",
            converter = Milliseconds.class,
            description = "TIME: to answer a challenge, 1s to half a round")
    private Long proofMs = 3_600_000L;

    @Parameter(
            names = "--offer",
            converter = Milliseconds.class,
            description = "TIME: for which it is offered, 1s to 7d, and again each time that a data node has lost it")
    private Long offerMs = 3_600_000L;

    @Parameter(names = "--chunks", description = "of 1 KiB that each challenge draws, 1 to 16")
    private int chunks = 4;

    @Parameter(names = "--price", required = true, description = "of a round, in the smallest unit")
    private long price;

    @Parameter(
            names = "--collateral",
            required = true,
            description = "that the data node's stake reserves, and that is burned where it cannot answer")
    private long collateral;

    @Parameter(names = "--json", description = "print one JSON object a line")
    private boolean json;

    /** One copy, which one deal is about. */
    private record Copy(Bytes32 blob, long bytes, Bytes32 dataNode) {}

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        if (termMs % roundMs != 0 || termMs / roundMs > Integer.MAX_VALUE) {
            throw new IOException("--term " + termMs + " ms is no whole number of rounds of " + roundMs + " ms.");
        }
        boolean isOfAny = dataNodes.equals(List.of(ANY));
        if (copies < 1 || copies > 1 && (!isOfAny || shards)) {
            throw new IOException("--copies is 1 or more, and goes with --data-node any: name each data node instead.");
        }
        if (shards && (!isOfAny || bytes != null)) {
            throw new IOException(
                    "--shards finds the shards' data nodes and lengths: leave --data-node and --bytes" + " out.");
        }
        for (Copy copy : shards ? ofShards(ledger) : wholeOnes(ledger, isOfAny)) {
            propose(ledger, keys, copy);
        }
    }

    private List<Copy> wholeOnes(LedgerClient ledger, boolean isOfAny) throws IOException {
        Bytes32 id = PublicKeys.parse(blob, "--blob");
        long length = bytes == null ? length(ledger, id) : bytes;
        if (isOfAny) {
            return Collections.nCopies(copies, new Copy(id, length, StorageTerms.ANY_NODE));
        }
        List<Copy> wanted = new ArrayList<>();
        for (String node : dataNodes) {
            wanted.add(new Copy(id, length, PublicKeys.parse(node, "--data-node")));
        }
        return wanted;
    }

    /** As a data node proves: of a false one nobody can accept the deal. */
    private static long length(LedgerClient ledger, Bytes32 id) throws IOException {
        List<BlobNode> nodes = DataNodes.of(ledger);
        if (nodes.isEmpty()) {
            throw new IOException("The ledger knows no data node.");
        }
        return new Download(nodes, RateLimit.none(), warning -> {}).bytes(id);
    }

    private List<Copy> ofShards(LedgerClient ledger) throws IOException {
        Bytes32 id = PublicKeys.parse(blob, "--blob");
        Map<BlobSource, Bytes32> keyOf = new IdentityHashMap<>();
        List<BlobNode> nodes = new ArrayList<>();
        for (DataNode node : ledger.dataNodes()) {
            BlobNode at = DataNodes.at(node);
            nodes.add(at);
            keyOf.put(at, node.key());
        }
        StripedBlob striped = StripedGet.find(id, nodes);
        if (striped == null) {
            throw new NoSuchBlobException(id, "any data node in shards");
        }
        ShardSources sources = new ShardSources(striped, nodes);
        List<Copy> wanted = new ArrayList<>();
        Set<BlobSource> chosen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < striped.shards().size(); i++) {
            // Each with a data node of its own where there is one: two shards may be the same blob.
            BlobSource holder = sources.holders(i).stream()
                    .filter(source -> !chosen.contains(source))
                    .findFirst()
                    .orElse(null);
            chosen.add(holder);
            Bytes32 node = holder == null ? StorageTerms.ANY_NODE : keyOf.get(holder);
            wanted.add(new Copy(striped.shards().get(i), striped.shardBytes(), node));
        }
        return wanted;
    }

    private void propose(LedgerClient ledger, KeyPair keys, Copy copy) throws IOException {
        StorageTerms terms = new StorageTerms(
                copy.blob(),
                copy.bytes(),
                copy.dataNode(),
                offerMs,
                roundMs,
                proofMs,
                (int) (termMs / roundMs),
                chunks,
                price,
                collateral);
        if (terms.fault() != null) {
            throw new IOException("The ledger takes no such deal: " + terms.fault() + ".");
        }
        List<StorageDeal> before = ledger.deals(keys.publicKey(), StorageDeal.Role.ANY, -1);
        LedgerClient.Outcome outcome = ledger.submit(new Command.ProposeDeal(terms));
        if (!outcome.isApplied()) {
            throw new IOException("The ledger refused: " + outcome.reason() + ".");
        }
        long last = before.isEmpty() ? -1 : before.getLast().number();
        StorageDeal deal = ledger.deals(keys.publicKey(), StorageDeal.Role.ANY, last).stream()
                .filter(one -> one.terms().matches(terms))
                .findFirst()
                .orElseThrow(() -> new IOException(
                        "The full node that was asked does not know the deal yet: see `ledger deals`."));
        System.out.println(json ? DealText.json(deal) : "deal " + deal.number());
    }
}
