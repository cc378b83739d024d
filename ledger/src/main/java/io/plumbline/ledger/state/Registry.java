package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.RegisterModel;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportFeed;
import io.plumbline.transport.Addresses;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Collection;
import java.util.Collections;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;

/** Who works here and with what: inference nodes, data nodes and what they report, models. */
final class Registry {
    private static final int MAX_TEXT = 255;

    /** Who connects to what is announced here would ask name servers of a stranger's choice. */
    private static final String NO_ADDRESS =
            "host and port are not one host's address in numbers, as 192.0.2.1 or 2001:db8::1, and a port from 1 to 65535";

    private final Books books;
    private final Entries entries;
    private final NavigableMap<Bytes32, Node> nodes = new TreeMap<>();
    private final NavigableMap<Bytes32, DataNode> dataNodes = new TreeMap<>();
    private final SortedMap<Bytes32, Model> models = new TreeMap<>();
    private final SortedMap<Bytes32, FeedReport> reports = new TreeMap<>();

    Registry(Books books, Entries entries) {
        this.books = books;
        this.entries = entries;
    }

    private static boolean isText(String text) {
        return !text.isEmpty() && text.length() <= MAX_TEXT;
    }

    private static boolean isAddress(String host, int port) {
        return Addresses.isOneHosts(host) && port >= 1 && port <= 65_535;
    }

    /** Brings a stake up to what its owner announces: announcing oneself again, after a restart, costs nothing. */
    private String stake(Bytes32 key, long stake, Parameters parameters) {
        Account account = books.account(key);
        if (stake < parameters.minStake()) {
            return "stake " + stake + " is below the least, " + parameters.minStake();
        }
        long missing = Math.max(0, stake - account.stake());
        if (missing > account.balance()) {
            return "stake " + stake + " is not covered by a balance of " + account.balance();
        }
        if (missing > 0) {
            books.bond(key, missing);
        }
        return null;
    }

    /** Takes the fee of an entry that stays. */
    String charge(Bytes32 key, Parameters parameters, long block) {
        long balance = books.account(key).balance();
        if (balance < parameters.registrationFee()) {
            return "the fee of " + parameters.registrationFee()
                    + " for what stays on the ledger is not covered by a balance of " + balance;
        }
        books.fee(key, parameters.registrationFee(), block);
        return null;
    }

    /** Takes the fee where an entry is new, and the stake; nothing where either is not covered. */
    private String enter(Bytes32 key, boolean isNew, long stake, Parameters parameters, long block) {
        Account account = books.account(key);
        long missing = Math.max(0, stake - account.stake());
        long fee = isNew ? parameters.registrationFee() : 0;
        if (missing <= account.balance() && missing > account.balance() - fee) {
            return "stake " + stake + " and a fee of " + fee + " are not covered by a balance of " + account.balance();
        }
        String refusal = stake(key, stake, parameters);
        if (refusal == null && isNew) {
            books.fee(key, fee, block);
        }
        return refusal;
    }

    /** @param block whose certificate the fee is burned with. */
    String register(Bytes32 key, RegisterNode c, Parameters parameters, long block) {
        if (c.pricePerToken() < 0) {
            return "price " + c.pricePerToken() + " is negative";
        }
        if (!isAddress(c.host(), c.port())) {
            return NO_ADDRESS;
        }
        if (c.openMsPerToken() < 0 || c.openMsPerToken() > Node.MAX_OPEN_MS_PER_TOKEN) {
            return "an opening time of " + c.openMsPerToken() + " ms a token is not in 0.."
                    + Node.MAX_OPEN_MS_PER_TOKEN;
        }
        Node before = nodes.get(key);
        String refusal = enter(key, before == null, c.stake(), parameters, block);
        if (refusal == null) {
            int faults = before == null ? 0 : before.faults();
            put(new Node(
                    key,
                    c.modelId(),
                    c.pricePerToken(),
                    c.host(),
                    c.port(),
                    c.most(),
                    c.openMsPerToken(),
                    false,
                    faults));
        }
        return refusal;
    }

    String register(Bytes32 key, RegisterDataNode c, Parameters parameters, long block) {
        if (!isAddress(c.host(), c.port())) {
            return NO_ADDRESS;
        }
        String refusal = enter(key, !dataNodes.containsKey(key), c.stake(), parameters, block);
        if (refusal == null) {
            put(new DataNode(key, c.host(), c.port()));
        }
        return refusal;
    }

    String register(Bytes32 signer, RegisterModel c, Parameters parameters, long block) {
        if (!isText(c.name()) || c.source().length() > MAX_TEXT) {
            return "a model's name has 1 to " + MAX_TEXT + " characters, its source no more";
        }
        boolean isNew = !models.containsKey(Model.key(c.modelId(), signer));
        String refusal = isNew ? charge(signer, parameters, block) : null;
        if (refusal == null) {
            put(new Model(c.modelId(), signer, c.name(), c.source()));
        }
        return refusal;
    }

    boolean isRegistered(Bytes32 key) {
        return nodes.containsKey(key) || dataNodes.containsKey(key);
    }

    /** Moves what a key is registered as to another, faults and all. @return the inference node as it was, or null. */
    Node rename(Bytes32 from, Bytes32 to) {
        Node node = nodes.remove(from);
        if (node != null) {
            entries.remove(Kind.NODE, from);
            put(node.withKey(to));
        }
        DataNode dataNode = dataNodes.remove(from);
        if (dataNode != null) {
            entries.remove(Kind.DATA_NODE, from);
            put(new DataNode(to, dataNode.host(), dataNode.port()));
        }
        return node;
    }

    boolean isDataNode(Bytes32 key) {
        return dataNodes.containsKey(key);
    }

    String report(Bytes32 key, ReportFeed c, Parameters parameters, long nowMs, long block) {
        if (!dataNodes.containsKey(key) || books.account(key).stake() < parameters.minStake()) {
            return "only data nodes with a stake report";
        }
        if (!isText(c.feed()) || c.value().length > FeedReport.MAX_VALUE_BYTES) {
            return "a feed's name has 1 to " + MAX_TEXT + " characters, its value at most " + FeedReport.MAX_VALUE_BYTES
                    + " bytes";
        }
        FeedReport before = reports.get(FeedReport.id(key, c.feed()));
        if (before != null && c.sequence() <= before.sequence()) {
            return "report " + c.sequence() + " is not after " + before.sequence();
        }
        String refusal = before == null ? charge(key, parameters, block) : null;
        if (refusal == null) {
            put(new FeedReport(key, c.feed(), c.sequence(), c.value(), nowMs));
        }
        return refusal;
    }

    /** Most auditors of an answer of this node have called it bad, or had it not opened. */
    void fault(Bytes32 key) {
        Node node = nodes.get(key);
        put(node.withFaults(Math.min(Integer.MAX_VALUE - 1, node.faults()) + 1));
    }

    /** An inference node has lost its stake. */
    void caught(Bytes32 key) {
        put(nodes.get(key).caught());
    }

    private void put(Node node) {
        Bytes32 key = node.key();
        nodes.put(key, node);
        entries.put(Kind.NODE, key, node::encode);
    }

    private void put(DataNode node) {
        Bytes32 key = node.key();
        dataNodes.put(key, node);
        entries.put(Kind.DATA_NODE, key, node::encode);
    }

    private void put(Model model) {
        Bytes32 key = Model.key(model.id(), model.publisher());
        models.put(key, model);
        entries.put(Kind.MODEL, key, model::encode);
    }

    private void put(FeedReport report) {
        Bytes32 key = FeedReport.id(report.node(), report.feed());
        reports.put(key, report);
        entries.put(Kind.FEED, key, report::encode);
    }

    Node node(Bytes32 key) {
        return nodes.get(key);
    }

    Collection<Node> nodes() {
        return Collections.unmodifiableCollection(nodes.values());
    }

    /** @param key null for all. */
    Collection<Node> nodesAfter(Bytes32 key) {
        return key == null
                ? nodes()
                : Collections.unmodifiableCollection(nodes.tailMap(key, false).values());
    }

    /** @param key null for all. */
    Collection<DataNode> dataNodesAfter(Bytes32 key) {
        return Collections.unmodifiableCollection((key == null ? dataNodes : dataNodes.tailMap(key, false)).values());
    }

    FeedReport report(Bytes32 node, String feed) {
        return reports.get(FeedReport.id(node, feed));
    }

    void write(CanonicalWriter out) {
        out.putInt(nodes.size());
        nodes.values().forEach(node -> out.putFixed(node.encode()));
        out.putInt(dataNodes.size());
        dataNodes.values().forEach(node -> out.putFixed(node.encode()));
        out.putInt(models.size());
        models.values().forEach(model -> out.putFixed(model.encode()));
        out.putInt(reports.size());
        reports.values().forEach(report -> out.putFixed(report.encode()));
    }

    static Registry read(Books books, Entries entries, CanonicalReader in) {
        Registry registry = new Registry(books, entries);
        for (int n = in.getInt("nodes"); n > 0; n--) {
            registry.put(Node.read(in));
        }
        for (int n = in.getInt("data nodes"); n > 0; n--) {
            registry.put(DataNode.read(in));
        }
        for (int n = in.getInt("models"); n > 0; n--) {
            registry.put(Model.read(in));
        }
        for (int n = in.getInt("reports"); n > 0; n--) {
            registry.put(FeedReport.read(in));
        }
        return registry;
    }
}
