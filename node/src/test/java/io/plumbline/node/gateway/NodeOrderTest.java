package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.ledger.state.Node;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class NodeOrderTest {
    private final AtomicLong clock = new AtomicLong();
    private final NodePace pace = new NodePace(clock::get);

    private static Node node(int name, long price, int faults) {
        Bytes32 key = new Bytes32((long) name << 56, 0, 0, 0);
        return new Node(key, Bytes32.ZERO, price, "host", 1, Level.FULL, 0, false, faults);
    }

    private void took(Node node, long ns) {
        NodePace.Reading reading = pace.begin(node.key());
        clock.addAndGet(ns);
        reading.token();
        reading.end();
    }

    private String order(NodeWish.Preference preference, Node away, Node... nodes) {
        List<Node> sorted = new ArrayList<>(List.of(nodes));
        sorted.sort(NodeOrder.by(preference, node -> node == away, pace));
        return sorted.stream().map(node -> "" + node.key().bytes()[0]).reduce("", String::concat);
    }

    @Test
    void theCheapestComesFirstOrTheQuickestAndTheOtherDecidesAmongEquals() {
        Node dear = node(1, 5, 0);
        Node slow = node(2, 1, 0);
        Node quick = node(3, 1, 0);
        Node faulty = node(4, 1, 2);
        took(dear, 10);
        took(slow, 100);
        took(quick, 50);
        took(faulty, 1);
        assertEquals("3241", order(NodeWish.Preference.PRICE, null, dear, slow, quick, faulty));
        assertEquals("4132", order(NodeWish.Preference.LATENCY, null, dear, slow, quick, faulty));
        assertEquals("1324", order(NodeWish.Preference.LATENCY, faulty, dear, slow, quick, faulty));
    }

    @Test
    void aNodeThatIsBusyWithThisGatewaysAnswersComesLater() {
        Node one = node(1, 1, 0);
        Node two = node(2, 1, 0);
        took(one, 10);
        took(two, 15);
        assertEquals("12", order(NodeWish.Preference.PRICE, null, one, two));
        NodePace.Reading underWay = pace.begin(one.key());
        assertEquals("21", order(NodeWish.Preference.PRICE, null, one, two));
        underWay.end();
        assertEquals("12", order(NodeWish.Preference.PRICE, null, one, two));
    }
}
