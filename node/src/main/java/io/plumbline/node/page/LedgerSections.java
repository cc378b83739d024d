package io.plumbline.node.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.DataNode;
import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.FeedValue;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.node.network.Terminal;
import java.util.HexFormat;
import java.util.List;

/** Sections on the ledger, shown by roles in the same words, whether they ask it or hold it. */
public final class LedgerSections {
    /** Nodes, feeds and whatever else others may add to without end: so many are shown, with the number of all. */
    public static final int MAX_ROWS = 64;

    /** Characters of a text that somebody else chose. */
    private static final int MAX_TEXT = 256;

    /** A larger genesis is not given to browsers. */
    private static final int MAX_GENESIS_BYTES = 32 << 10;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private LedgerSections() {}

    /**
     * A section that says what a server is, and which ledger is its own.
     *
     * @param role as docs call it.
     */
    public static ObjectNode about(String role, Genesis genesis) {
        byte[] encoded = genesis.encode();
        return MAPPER.createObjectNode()
                .put("role", role)
                .put("genesis_hash", genesis.hash().toString())
                .put(
                        "genesis",
                        encoded.length <= MAX_GENESIS_BYTES ? HexFormat.of().formatHex(encoded) : null);
    }

    /** How far the ledger is. */
    public static ObjectNode ledger(LedgerStatus status) {
        return MAPPER.createObjectNode()
                .put("height", status.height())
                .put("time_ms", status.timeMs())
                .put("epoch", status.epoch())
                .put("certified", status.certified())
                .put("waits_since_ms", status.waitsSinceMs())
                .put("asked", status.asked())
                .put("deposited", status.deposited())
                .put("difference", status.deposited() - status.total());
    }

    /**
     * The full nodes in the genesis' order, and how each stands.
     *
     * @param addresses "host:port" of their ingresses, in the same order.
     */
    public static ArrayNode fullNodes(Genesis genesis, List<String> addresses, LedgerStatus status) {
        ArrayNode json = MAPPER.createArrayNode();
        for (int place = 0; place < Math.min(MAX_ROWS, genesis.fullNodes().size()); place++) {
            String who = "full node " + place + " ";
            ObjectNode one = json.addObject()
                    .put("place", place)
                    .put("key", genesis.fullNodes().get(place).toString())
                    .put("address", text(addresses.get(place)))
                    .put("dissents", status.dissent().contains(place));
            status.guilty().stream()
                    .filter(what -> what.startsWith(who))
                    .forEach(what -> one.put("guilty", text(what.substring(who.length()))));
        }
        return json;
    }

    /** An empty list that says of how many it is a part. */
    public static ObjectNode list(int total) {
        ObjectNode json = MAPPER.createObjectNode().put("total", total);
        json.putArray("rows");
        return json;
    }

    /** An inference node, and the money that answers for it. */
    public static ObjectNode node(Node node, Account account) {
        return MAPPER.createObjectNode()
                .put("key", node.key().toString())
                .put("model", node.modelId().toString())
                .put("address", text(node.host() + ":" + node.port()))
                .put("price", node.pricePerToken())
                .put("level", node.most().name())
                .put("faults", node.faults())
                .put("slashed", node.slashed())
                .put("stake", account.stake())
                .put("balance", account.balance());
    }

    /** A data node. */
    public static ObjectNode dataNode(DataNode node) {
        return MAPPER.createObjectNode()
                .put("key", node.key().toString())
                .put("address", text(node.host() + ":" + node.port()));
    }

    /**
     * A feed.
     *
     * @param declared as it stands; null where that is not known.
     * @param isStale whether its latest value is older than it allows, so that none is shown.
     */
    public static ObjectNode feed(Feed feed, DeclaredFeed declared, boolean isStale) {
        ObjectNode json = MAPPER.createObjectNode()
                .put("id", feed.id().toString())
                .put("name", text(feed.name()))
                .put("unit", text(feed.unit()))
                .put("decimals", feed.decimals())
                .put("round_ms", feed.roundMs())
                .put("max_age_ms", feed.maxAgeMs())
                .put("stale", isStale);
        if (declared == null) {
            return json;
        }
        json.put("fund", declared.fund()).put("missed", declared.missed()).put("open_reports", declared.openReports());
        FeedValue value = declared.latest();
        if (value != null) {
            // As texts: a browser's numbers have 53 bits.
            json.put("value", Long.toString(value.value()))
                    .put("spread", Long.toString(value.spread()))
                    .put("reports", value.reports())
                    .put("outliers", value.outliers().size())
                    .put("time_ms", value.timeMs());
        }
        return json;
    }

    /**
     * A text that somebody else chose, of bounded length and without characters that turn others around or hide. The
     * page shows it as text and nothing else.
     */
    public static String text(String given) {
        return Terminal.printable(given.length() <= MAX_TEXT ? given : given.substring(0, MAX_TEXT) + "…");
    }
}
