package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class NodePaceTest {
    private static final Bytes32 ONE = node(1);

    private final AtomicLong clock = new AtomicLong(5);
    private final NodePace pace = new NodePace(clock::get);

    private static Bytes32 node(int i) {
        byte[] key = new byte[32];
        key[0] = (byte) i;
        key[1] = (byte) (i >> 8);
        return Bytes32.of(key);
    }

    @Test
    void aNodeThatWasNotTriedCountsAsQuickAndOneThatWasByItsMean() {
        assertEquals(0, pace.expectedNs(ONE));
        NodePace.Reading first = pace.begin(ONE);
        clock.addAndGet(100);
        first.token();
        clock.addAndGet(900);
        first.token();
        first.end();
        assertEquals(100, pace.expectedNs(ONE), "the first token alone counts");
        NodePace.Reading second = pace.begin(ONE);
        clock.addAndGet(600);
        second.token();
        second.end();
        assertEquals(200, pace.expectedNs(ONE), "a fifth of the newest reading");
    }

    /** A node that hangs must not stay the quickest: its first token never comes. */
    @Test
    void aFirstTokenThatIsNotWaitedForTookThatLongAtLeast() {
        NodePace.Reading known = pace.begin(ONE);
        clock.addAndGet(100);
        known.token();
        known.end();
        NodePace.Reading soon = pace.begin(ONE);
        clock.addAndGet(50);
        soon.givenUp();
        soon.end();
        assertEquals(100, pace.expectedNs(ONE), "it may have come in time");
        NodePace.Reading late = pace.begin(ONE);
        clock.addAndGet(600);
        late.givenUp();
        late.token();
        late.end();
        assertEquals(200, pace.expectedNs(ONE));
    }

    @Test
    void answersUnderWayMakeTheNextOneWaitAndEndOnce() {
        NodePace.Reading first = pace.begin(ONE);
        clock.addAndGet(100);
        first.token();
        NodePace.Reading second = pace.begin(ONE);
        assertEquals(300, pace.expectedNs(ONE));
        first.end();
        first.end();
        assertEquals(1, pace.underWay(ONE));
        second.end();
        assertEquals(0, pace.underWay(ONE));
        assertEquals(100, pace.expectedNs(ONE));
    }

    @Test
    void strangersThatRegisterManyNodesTakeBoundedMemory() {
        NodePace.Reading first = pace.begin(ONE);
        clock.addAndGet(100);
        first.token();
        for (int i = 2; i < 12_000; i++) {
            pace.begin(node(i)).end();
        }
        assertEquals(0, pace.expectedNs(ONE), "the one that was used longest ago is forgotten");
        first.end();
    }
}
