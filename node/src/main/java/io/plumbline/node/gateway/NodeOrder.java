package io.plumbline.node.gateway;

import io.plumbline.ledger.state.Node;
import java.util.Comparator;
import java.util.function.Predicate;

/** The order in which nodes that would do are asked. */
final class NodeOrder {
    private NodeOrder() {}

    /**
     * By what is preferred, then by faults, then by what is not.
     *
     * @param isAway whether a node was not reached lately: it comes last, for where there is no other it may be back.
     */
    static Comparator<Node> by(NodeWish.Preference preference, Predicate<Node> isAway, NodePace pace) {
        Comparator<Node> price = Comparator.comparingLong(Node::pricePerToken);
        Comparator<Node> quick = Comparator.comparingDouble(node -> pace.expectedNs(node.key()));
        boolean isByPrice = preference == NodeWish.Preference.PRICE;
        return Comparator.comparing(isAway::test, Boolean::compare)
                .thenComparing(isByPrice ? price : quick)
                .thenComparing(Node::faults)
                .thenComparing(isByPrice ? quick : price);
    }
}
