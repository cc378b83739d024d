package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.FeedReading;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.DataNode;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Network;
import io.plumbline.node.page.LedgerSections;
import io.plumbline.node.page.PageSource;
import io.plumbline.node.page.RecentBlocks;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A gateway's page: the ledger as full nodes tell it, blocks and slashes as a quorum has signed them,
 * and sums of the answers that it has bought. Where it has tenants those sums are their business, and left out.
 */
final class GatewayPage implements PageSource {
    /** Looks from one reading of lists that change seldom to the next. */
    private static final int LISTS_EVERY = 5;

    /** Feeds that are read with their values. */
    private static final int MAX_READ_FEEDS = 16;

    private static final int MAX_SLASHES = 32;

    /** Readings in which a node that is gone is looked for: its slash is certified within some. */
    private static final int MAX_TRIES = 12;

    private final Genesis genesis;
    private final List<String> addresses;
    private final LedgerClient ledger;
    private final CertifiedSettlements certified;
    private final NodeSelector selector;
    private final BoughtAnswers bought;
    private final boolean isPrivate;
    private final ObjectNode about;
    private final RecentBlocks blocks = new RecentBlocks();

    /** Nodes that were there at the last reading, with the money that answered for them. */
    private final Map<Bytes32, Listed> listed = new LinkedHashMap<>();

    /** Nodes that are listed no more, with the readings that they are still looked for in. */
    private final Map<Bytes32, Integer> gone = new LinkedHashMap<>();

    private final List<ObjectNode> slashes = new ArrayList<>();
    private int nodesInAll;
    private ObjectNode dataNodes = LedgerSections.list(0);
    private ObjectNode feeds = LedgerSections.list(0);
    private int looks;

    private record Listed(Node node, Account account) {}

    GatewayPage(
            Network network,
            LedgerClient ledger,
            CertifiedSettlements certified,
            NodeSelector selector,
            BoughtAnswers bought,
            Terms terms,
            Access access) {
        this.genesis = network.genesis();
        this.addresses = network.fullNodes();
        this.ledger = ledger;
        this.certified = certified;
        this.selector = selector;
        this.bought = bought;
        this.isPrivate = access.isPrivate();
        this.about = LedgerSections.about("gateway", genesis)
                .put("needs_key", isPrivate)
                .put("level", terms.level().name())
                .put("least_level", terms.leastLevel().name())
                .put("max_price", terms.maxPrice());
    }

    @Override
    public SortedMap<String, JsonNode> sections() throws IOException {
        LedgerStatus status = ledger.status();
        if (looks++ % LISTS_EVERY == 0) {
            readNodes();
            readDataNodes();
            readFeeds(status.timeMs());
        }
        readBlock();
        SortedMap<String, JsonNode> sections = new TreeMap<>();
        sections.put("about", about);
        sections.put("ledger", LedgerSections.ledger(status));
        sections.put("full_nodes", LedgerSections.fullNodes(genesis, addresses, status));
        sections.put("nodes", nodes());
        sections.put("data_nodes", dataNodes);
        sections.put("feeds", feeds);
        sections.put("blocks", blocks.section());
        sections.put("slashes", slashes());
        if (!isPrivate) {
            sections.put("answers", bought.section());
            sections.put("quality", bought.quality().section());
        }
        return sections;
    }

    /** The last block that a quorum has signed, with the signatures; the entry that comes with it is not looked at. */
    private void readBlock() throws IOException {
        CertifiedEntry entry = certified.find(Kind.META, null);
        if (entry != null) {
            blocks.add(entry.header(), entry.certificate());
        }
    }

    private void readNodes() throws IOException {
        List<Node> all = ledger.nodes();
        Map<Bytes32, Listed> next = new LinkedHashMap<>();
        for (Node node : all.subList(0, Math.min(all.size(), LedgerSections.MAX_ROWS))) {
            next.put(node.key(), new Listed(node, ledger.account(node.key())));
        }
        for (Bytes32 key : listed.keySet()) {
            if (all.stream().noneMatch(node -> node.key().equals(key))) {
                gone.put(key, MAX_TRIES);
            }
        }
        for (Bytes32 key : List.copyOf(gone.keySet())) {
            if (isSlashed(key) || gone.merge(key, -1, Integer::sum) == 0) {
                gone.remove(key);
            }
        }
        nodesInAll = all.size();
        listed.clear();
        listed.putAll(next);
    }

    /** A node that is listed no more has lost its stake, or full nodes leave it out: the certified entry says which. */
    private boolean isSlashed(Bytes32 key) throws IOException {
        CertifiedEntry entry = certified.find(Kind.NODE, key);
        Node node =
                entry == null || entry.value() == null ? null : Node.read(new CanonicalReader(entry.value(), "node"));
        if (node == null || !node.slashed()) {
            return false;
        }
        slashes.addFirst(Http.MAPPER
                .createObjectNode()
                .put("role", "inference node")
                .put("key", key.toString())
                .put("what", "Evidence that the ledger's own rules checked took its whole stake.")
                .put("time_ms", entry.header().timeMs())
                .put("block", entry.header().number())
                .put("signatures", entry.signers(genesis.hash(), genesis.fullNodes()))
                .put("full_nodes", genesis.fullNodes().size()));
        if (slashes.size() > MAX_SLASHES) {
            slashes.removeLast();
        }
        return true;
    }

    private void readDataNodes() throws IOException {
        List<DataNode> all = ledger.dataNodes();
        dataNodes = LedgerSections.list(all.size());
        for (DataNode node : all.subList(0, Math.min(all.size(), LedgerSections.MAX_ROWS))) {
            ((ArrayNode) dataNodes.path("rows")).add(LedgerSections.dataNode(node));
        }
    }

    private void readFeeds(long nowMs) throws IOException {
        List<Feed> all = ledger.feeds();
        feeds = LedgerSections.list(all.size()).put("time_ms", nowMs);
        for (int i = 0; i < Math.min(all.size(), LedgerSections.MAX_ROWS); i++) {
            FeedReading reading = i < MAX_READ_FEEDS ? ledger.feed(all.get(i).id()) : null;
            ((ArrayNode) feeds.path("rows"))
                    .add(LedgerSections.feed(
                            all.get(i),
                            reading == null ? null : reading.declared(),
                            reading != null && reading.isStale()));
        }
    }

    private ObjectNode nodes() {
        ObjectNode json = LedgerSections.list(nodesInAll);
        for (Listed one : listed.values()) {
            ObjectNode row = LedgerSections.node(one.node, one.account);
            if (!isPrivate) {
                row.set("load", selector.load(one.node));
            }
            ((ArrayNode) json.path("rows")).add(row);
        }
        return json;
    }

    private ArrayNode slashes() {
        ArrayNode json = Http.MAPPER.createArrayNode();
        slashes.forEach(json::add);
        return json;
    }
}
