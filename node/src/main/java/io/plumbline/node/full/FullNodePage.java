package io.plumbline.node.full;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.state.DataNode;
import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.Equivocation;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.node.network.Network;
import io.plumbline.node.page.LedgerSections;
import io.plumbline.node.page.PageSource;
import io.plumbline.node.page.RecentBlocks;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The page that a full node shows its operator: the ledger by its own replica, asked once for all of it, and the audits
 * that it has followed or done.
 */
final class FullNodePage implements PageSource {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Longest wait for the replica's thread. */
    private static final long ANSWER_MS = 1_000;

    private final Genesis genesis;
    private final List<String> addresses;
    private final LedgerService service;
    private final FullNodeReading reading;
    private final RecentBlocks blocks;
    private final RecentAudits audits;
    private final int place;

    /** @param place of this full node in the genesis. */
    FullNodePage(
            Network network,
            int place,
            LedgerService service,
            FullNodeReading reading,
            RecentBlocks blocks,
            RecentAudits audits) {
        this.genesis = network.genesis();
        this.addresses = network.fullNodes();
        this.place = place;
        this.service = service;
        this.reading = reading;
        this.blocks = blocks;
        this.audits = audits;
    }

    @Override
    public SortedMap<String, JsonNode> sections() throws IOException {
        if (!service.isSure()) {
            throw new IOException("This full node's copy of the ledger is not certified yet.");
        }
        SortedMap<String, JsonNode> sections = new TreeMap<>(ofLedger());
        ArrayNode slashes = audits.slashes();
        sections.get("equivocations").forEach(slashes::add);
        sections.remove("equivocations");
        sections.put("slashes", slashes);
        sections.put(
                "about",
                LedgerSections.about("full node", genesis)
                        .put("place", place)
                        .put("key", genesis.fullNodes().get(place).toString()));
        sections.put(
                "self",
                MAPPER.createObjectNode()
                        .put("leads", reading.leads())
                        .put("applied", reading.applied())
                        .put("votes", reading.votes())
                        .put("audits_waiting", reading.auditsWaiting()));
        sections.put("blocks", blocks.section());
        sections.put("judged", audits.answers());
        sections.put("audits", audits.audits());
        sections.put("quality", audits.quality().section());
        return sections;
    }

    private SortedMap<String, JsonNode> ofLedger() throws IOException {
        try {
            return service.look(this::ofLedger).get(ANSWER_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("The replica has not answered within " + ANSWER_MS + " ms.", e);
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the replica was asked.", e);
        }
    }

    /** By the replica's thread, which must not be kept: so many rows and no more. */
    private SortedMap<String, JsonNode> ofLedger(LedgerState state) {
        LedgerStatus status = LedgerStatus.of(state);
        SortedMap<String, JsonNode> sections = new TreeMap<>();
        sections.put("ledger", LedgerSections.ledger(status));
        sections.put("full_nodes", LedgerSections.fullNodes(genesis, addresses, status));
        Collection<Node> all = state.nodes();
        ObjectNode nodes = LedgerSections.list(all.size());
        all.stream()
                .limit(LedgerSections.MAX_ROWS)
                .forEach(node -> ((ArrayNode) nodes.path("rows"))
                        .add(LedgerSections.node(node, state.account(node.key()))
                                .put("reserved", state.reserved(node.key()))));
        sections.put("nodes", nodes);
        Collection<DataNode> keepers = state.dataNodesAfter(null);
        ObjectNode dataNodes = LedgerSections.list(keepers.size());
        keepers.stream()
                .limit(LedgerSections.MAX_ROWS)
                .forEach(node -> ((ArrayNode) dataNodes.path("rows")).add(LedgerSections.dataNode(node)));
        sections.put("data_nodes", dataNodes);
        sections.put("feeds", feeds(state));
        sections.put("equivocations", equivocations(state));
        return sections;
    }

    private static ObjectNode feeds(LedgerState state) {
        List<Feed> all = state.feedsAfter(null, LedgerSections.MAX_ROWS + 1);
        // Counting all of them would keep the replica's thread.
        ObjectNode feeds = LedgerSections.list(Math.min(all.size(), LedgerSections.MAX_ROWS))
                .put("more", all.size() > LedgerSections.MAX_ROWS);
        for (Feed feed : all.subList(0, Math.min(all.size(), LedgerSections.MAX_ROWS))) {
            DeclaredFeed declared = state.feed(feed.id());
            boolean isStale = declared.latest() != null && declared.latest().isStale(feed, System.currentTimeMillis());
            ((ArrayNode) feeds.path("rows"))
                    .add(LedgerSections.feed(feed, isStale ? declared.withoutValue() : declared, isStale));
        }
        return feeds;
    }

    private static ArrayNode equivocations(LedgerState state) {
        ArrayNode json = MAPPER.createArrayNode();
        state.equivocations().values().stream()
                .limit(LedgerSections.MAX_ROWS)
                .map(FullNodePage::of)
                .forEach(json::add);
        return json;
    }

    private static ObjectNode of(Equivocation one) {
        return MAPPER.createObjectNode()
                .put("role", "data node")
                .put("key", one.node().toString())
                .put("time_ms", one.timeMs())
                .put(
                        "what",
                        "It signed two reports for round " + one.round() + " of a feed, and lost " + one.lost() + ".");
    }
}
