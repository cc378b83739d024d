package io.plumbline.ledger.order;

import io.plumbline.ledger.state.DataNode;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;

/**
 * Some of the data nodes, in the order of their keys. There may be more of them than one message holds.
 *
 * @param nodes at most {@link #MAX_NODES}.
 */
public record DataNodePage(List<DataNode> nodes) {
    /** Nodes of a page: some 20 KiB. */
    public static final int MAX_NODES = 256;

    public DataNodePage {
        nodes = List.copyOf(nodes);
    }

    /**
     * The first of these that have a stake: one that has taken its stake home stays registered for nothing, and would
     * be connected to by whoever looks for a blob.
     */
    static DataNodePage of(Collection<DataNode> registered, Predicate<DataNode> hasStake) {
        return new DataNodePage(
                registered.stream().filter(hasStake).limit(MAX_NODES).toList());
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(nodes.size());
        nodes.forEach(node -> out.putFixed(node.encode()));
        return out.toBytes();
    }

    /** @throws MalformedException where these bytes are no page. */
    public static DataNodePage decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "data nodes");
        int count = in.getInt("count");
        if (count < 0 || count > MAX_NODES) {
            throw new MalformedException("Malformed data nodes: a page has " + count + " of them.");
        }
        List<DataNode> nodes = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            nodes.add(DataNode.read(in));
        }
        in.end();
        return new DataNodePage(nodes);
    }
}
