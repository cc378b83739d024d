package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Tenants take turns, and places in line come free however a request ends. */
class TurnsTest {
    private static boolean hasCome(Turns.Turn turn) {
        return turn.come().getNow(false);
    }

    /** Ends what is answered, one after the other, and says in which order the tenants came. */
    private static String order(List<Turns.Turn> turns, List<String> tenants) {
        StringBuilder order = new StringBuilder();
        List<Turns.Turn> open = new ArrayList<>(turns);
        List<String> names = new ArrayList<>(tenants);
        while (!open.isEmpty()) {
            int next = 0;
            while (!hasCome(open.get(next))) {
                next++;
            }
            order.append(names.remove(next));
            open.remove(next).close();
        }
        return order.toString();
    }

    @Test
    void aLongLineOfOneTenantDoesNotHoldUpAnothersRequest() {
        Turns turns = new Turns(1, 1000, 2000);
        List<Turns.Turn> all = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            all.add(turns.enter("a", 1, 10));
            names.add("a");
        }
        all.add(turns.enter("b", 1, 10));
        names.add("b");
        assertEquals("aba", order(all, names).substring(0, 3));
        assertEquals(0, turns.waiting());
        assertEquals(0, turns.taken());
    }

    @Test
    void tenantsShareByTokensAndNotByRequests() {
        Turns turns = new Turns(1, 100, 100);
        List<Turns.Turn> all = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            all.add(turns.enter("small", 1, 10));
            names.add("s");
            all.add(turns.enter("large", 1, 30));
            names.add("L");
        }
        String first = order(all, names).substring(0, 12);
        long large = first.chars().filter(c -> c == 'L').count();
        assertEquals(3, large, first);
    }

    @Test
    void whatWasNotUsedDoesNotCount() {
        Turns turns = new Turns(1, 100, 100);
        Turns.Turn first = turns.enter("a", 1, 1000);
        Turns.Turn second = turns.enter("a", 1, 10);
        Turns.Turn other = turns.enter("b", 1, 500);
        Turns.Turn third = turns.enter("b", 1, 10);
        first.close(5);
        assertTrue(hasCome(other), "b had nothing yet");
        other.close(500);
        assertTrue(hasCome(second), "a had 5 tokens of 1,000");
        assertFalse(hasCome(third));
    }

    @Test
    void aTenantThatWasAwayHasSavedNothingUp() {
        Turns turns = new Turns(1, 100, 100);
        for (int i = 0; i < 50; i++) {
            turns.enter("busy", 1, 10).close();
        }
        List<Turns.Turn> all = new ArrayList<>();
        List<String> names = new ArrayList<>();
        all.add(turns.enter("busy", 1, 10));
        names.add("b");
        for (int i = 0; i < 6; i++) {
            all.add(turns.enter("new", 1, 10));
            names.add("n");
            all.add(turns.enter("busy", 1, 10));
            names.add("b");
        }
        String order = order(all, names).substring(0, 6);
        assertEquals(3, order.chars().filter(c -> c == 'n').count(), order);
    }

    @Test
    void asManyAreAnsweredTogetherAsThereArePlaces() {
        Turns turns = new Turns(4, 10, 10);
        List<Turns.Turn> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            all.add(turns.enter("a", 1, 1));
        }
        assertEquals(4, all.stream().filter(TurnsTest::hasCome).count());
        all.getFirst().close();
        all.getFirst().close();
        assertEquals(5, all.stream().filter(TurnsTest::hasCome).count(), "closing twice frees one place");
    }

    @Test
    void aRequestForManyAnswersWaitsForAllItsPlacesAndIsNotOvertaken() {
        Turns turns = new Turns(4, 10, 10);
        Turns.Turn first = turns.enter("a", 1, 1);
        Turns.Turn wide = turns.enter("b", 100, 1);
        Turns.Turn late = turns.enter("c", 1, 50);
        assertFalse(hasCome(wide));
        assertFalse(hasCome(late));
        first.close();
        assertTrue(hasCome(wide), "more than all places are all places");
        assertFalse(hasCome(late));
        wide.close();
        assertTrue(hasCome(late));
    }

    @Test
    void waitingPlacesAreBoundedForEachTenantAndForAll() {
        Turns turns = new Turns(1, 3, 4);
        turns.enter("a", 1, 1);
        List<Turns.Turn> waiting = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            waiting.add(turns.enter("a", 1, 1));
        }
        assertNull(turns.enter("a", 1, 1), "a has its share");
        assertNotNull(turns.enter("b", 1, 1));
        assertEquals(4, turns.waiting());
        Turns.Turn second = turns.enter("c", 1, 1);
        assertNotNull(second, "c has one, a three");
        assertTrue(waiting.getLast().come().isDone(), "the last of the longest line has lost its place");
        assertFalse(hasCome(waiting.getLast()));
        assertNull(turns.enter("b", 1, 1), "nobody has more than b would have");
        assertEquals(4, turns.waiting());
    }

    @Test
    void aClientThatGoesWhileItWaitsFreesItsPlaceAndNoOther() {
        Turns turns = new Turns(1, 2, 2);
        Turns.Turn answered = turns.enter("a", 1, 1);
        Turns.Turn gone = turns.enter("a", 1, 1);
        Turns.Turn next = turns.enter("a", 1, 1);
        gone.leave();
        assertTrue(gone.come().isDone());
        assertFalse(hasCome(gone));
        gone.close();
        assertEquals(1, turns.waiting());
        answered.leave();
        assertFalse(hasCome(next), "what is answered is not ended by it");
        answered.close();
        assertTrue(hasCome(next));
        next.close();
        assertEquals(0, turns.taken());
    }

    @Test
    void allThatWaitAreSentAwayAtTheEnd() {
        Turns turns = new Turns(1, 2, 2);
        Turns.Turn answered = turns.enter("a", 1, 1);
        Turns.Turn waiting = turns.enter("b", 1, 1);
        turns.close();
        assertTrue(waiting.come().isDone());
        assertFalse(hasCome(waiting));
        answered.close();
        assertEquals(0, turns.taken());
    }

    /** Accounts that pay may be made without end. */
    @Test
    void tenantsThatWaitForNothingAreForgottenAndThoseThatHaveHadTheMostLast() {
        Turns turns = new Turns(1, 10, 10);
        turns.enter("greedy", 1, 1_000_000).close(1_000_000);
        for (int i = 0; i < 100_000; i++) {
            turns.enter("account " + i, 1, 10).close(10);
            assertTrue(turns.known() <= Turns.MOST_IDLE, turns.known() + " are known");
        }
        Turns.Turn answered = turns.enter("other", 1, 10);
        Turns.Turn greedy = turns.enter("greedy", 1, 10);
        Turns.Turn late = turns.enter("late", 1, 10);
        answered.close(10);
        assertTrue(hasCome(late), "it has had nothing");
        assertFalse(hasCome(greedy), "what it has had is not forgotten");
        late.close(10);
        assertTrue(hasCome(greedy));
        assertEquals(1, turns.known(), "nobody else has had more");
    }

    @Test
    void amongTenantsThatHaveHadAsMuchTheOneThatWaitsLongestIsNext() {
        Turns turns = new Turns(1, 10, 100);
        Turns.Turn answered = turns.enter("first", 1, 0);
        List<Turns.Turn> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiting.add(turns.enter("tenant " + i, 1, 0));
        }
        for (Turns.Turn next : waiting) {
            answered.close();
            assertTrue(hasCome(next));
            answered = next;
        }
    }

    @Test
    void neverMoreAreAnsweredThanThereArePlacesWhateverThreadsDo() throws Exception {
        Turns turns = new Turns(3, 1000, 10_000);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        CountDownLatch end = new CountDownLatch(400);
        for (int i = 0; i < 400; i++) {
            String tenant = "tenant " + i % 7;
            int tokens = 1 + i % 13;
            boolean leaves = i % 5 == 0;
            Thread.startVirtualThread(() -> {
                try (Turns.Turn turn = turns.enter(tenant, 1, tokens)) {
                    if (leaves) {
                        turn.leave();
                    }
                    if (turn.come().join()) {
                        most.accumulateAndGet(running.incrementAndGet(), Math::max);
                        Thread.yield();
                        running.decrementAndGet();
                        done.incrementAndGet();
                    }
                } finally {
                    end.countDown();
                }
            });
        }
        end.await();
        assertTrue(most.get() <= 3, most + " at once");
        assertTrue(done.get() >= 320, done + " answered");
        assertEquals(0, turns.waiting());
        assertEquals(0, turns.taken());
    }
}
