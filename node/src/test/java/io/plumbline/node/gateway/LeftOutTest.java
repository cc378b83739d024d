package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LeftOutTest {
    private static final long HOUR_NS = TimeUnit.HOURS.toNanos(1);
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);
    private static final List<Bytes32> KEYS =
            Stream.generate(() -> KeyPair.random().publicKey()).limit(4).toList();

    /** Begins where {@link System#nanoTime} may begin as well. */
    private long nowNs = Long.MAX_VALUE - SECOND_NS;

    private final LeftOut left = new LeftOut(() -> nowNs);
    private final Map<Bytes32, Bytes32> replaced = new HashMap<>();
    private final List<Bytes32> asked = new ArrayList<>();

    private void follow(Bytes32... nodes) {
        left.follow(Set.of(nodes), key -> {
            asked.add(key);
            return replaced.get(key);
        });
    }

    @Test
    void whatANodeDidGoesWithItThroughARowOfKeys() {
        left.add("", KEYS.get(0), HOUR_NS);
        nowNs += SECOND_NS;
        replaced.put(KEYS.get(0), KEYS.get(1));
        replaced.put(KEYS.get(1), KEYS.get(2));
        follow(KEYS.get(2), KEYS.get(3));
        assertTrue(left.contains("", KEYS.get(2)), "the row is followed to its end");
        assertFalse(left.contains("", KEYS.get(3)));
        nowNs += HOUR_NS;
        assertFalse(left.contains("", KEYS.get(2)), "for no longer than the first was");
    }

    @Test
    void oneThatIsThereIsNotAskedFor() {
        left.add("", KEYS.get(0), HOUR_NS);
        follow(KEYS.get(0));
        assertEquals(List.of(), asked);
        assertTrue(left.contains("", KEYS.get(0)));
    }

    /** A replacement is ordered before it is certified: it is looked for again, and not at each request. */
    @Test
    void oneThatIsGoneIsAskedForAgainLessAndLessOften() {
        left.add("", KEYS.get(0), 24 * HOUR_NS);
        follow();
        follow();
        assertEquals(1, asked.size());
        for (int second = 0; second < 3_600; second++) {
            nowNs += SECOND_NS;
            follow();
        }
        assertTrue(asked.size() < 30, asked.size() + " questions");
        replaced.put(KEYS.get(0), KEYS.get(1));
        nowNs += HOUR_NS;
        follow(KEYS.get(1));
        assertTrue(left.contains("", KEYS.get(1)));
    }

    /** A key that left the list before it was replaced, and was asked for in vain until it is asked for seldom. */
    @Test
    void aNodeThatIsNewIsTakenForNobodysSuccessorNoLongerThanItIsLookedAt() {
        left.add("", KEYS.get(0), 24 * HOUR_NS);
        for (int second = 0; second < 3_600; second++) {
            nowNs += SECOND_NS;
            follow(KEYS.get(3));
        }
        replaced.put(KEYS.get(0), KEYS.get(1));
        follow(KEYS.get(3), KEYS.get(1));
        assertTrue(left.contains("", KEYS.get(1)));
    }

    @Test
    void manyThatAreGoneCostOneRequestFewQuestions() {
        for (int i = 0; i < 1_000; i++) {
            left.add("", KeyPair.random().publicKey(), HOUR_NS);
        }
        follow();
        assertEquals(8, asked.size());
    }

    @Test
    void oneThatIsAwayByAnAddressIsNoneThatLied() {
        left.add("host:1", KEYS.get(0), HOUR_NS);
        replaced.put(KEYS.get(0), KEYS.get(1));
        follow(KEYS.get(1));
        assertEquals(List.of(), asked);
        assertTrue(left.contains("host:1", KEYS.get(0)));
        assertFalse(left.contains("", KEYS.get(0)));
    }
}
