package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Node;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;

/**
 * Some of the inference nodes that may work, in the order of their keys. There may be more of them than one message
 * holds.
 *
 * @param nodes at most {@link #MAX_NODES}.
 * @param hasMore whether others follow.
 */
public record NodePage(List<Node> nodes, boolean hasMore) {
    /** Nodes of a page: some 40 KiB. */
    public static final int MAX_NODES = 256;

    public NodePage {
        nodes = List.copyOf(nodes);
    }

    /**
     * The first of these that may work. One that has asked its stake back stays registered, at no cost, and no escrow
     * is let open for it: whoever looks for a node would try it first if it names the lowest price.
     */
    static NodePage of(Collection<Node> registered, Predicate<Node> hasStake) {
        List<Node> live = registered.stream()
                .filter(node -> !node.slashed() && hasStake.test(node))
                .limit(MAX_NODES + 1L)
                .toList();
        return new NodePage(live.subList(0, Math.min(MAX_NODES, live.size())), live.size() > MAX_NODES);
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(hasMore ? 1 : 0).putInt(nodes.size());
        nodes.forEach(node -> out.putFixed(node.encode()));
        return out.toBytes();
    }

    /** @throws MalformedException where these bytes are no page. */
    public static NodePage decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "nodes");
        boolean hasMore = in.getInt("more") != 0;
        int count = in.getInt("count");
        if (count < 0 || count > MAX_NODES) {
            throw new MalformedException("Malformed nodes: a page has " + count + " of them.");
        }
        List<Node> nodes = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            nodes.add(Node.read(in));
        }
        in.end();
        return new NodePage(nodes, hasMore);
    }
}
