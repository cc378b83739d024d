package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.data.OfferFetches.Fetch;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.UncheckedIOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OfferFetchesTest {
    private static final long DAY_MS = 86_400_000;

    private final AtomicLong clock = new AtomicLong();
    private final CountDownLatch over = new CountDownLatch(1);
    private final BlockingQueue<Fetch> begun = new LinkedBlockingQueue<>();
    private final OfferFetches fetches = new OfferFetches(clock::get);

    private static Bytes32 client(int number) {
        return new Bytes32(number, 0, 0, 0);
    }

    /** Begins a fetch that goes on until the test is over; null where there is no place. */
    private Fetch begin(int client, long lastsMs) throws InterruptedException {
        boolean isBegun = fetches.begin(client(client), lastsMs, fetch -> {
            begun.add(fetch);
            try {
                over.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return isBegun ? begun.take() : null;
    }

    private void seconds(long count) {
        clock.addAndGet(TimeUnit.SECONDS.toNanos(count));
    }

    @AfterEach
    void end() {
        over.countDown();
        fetches.close();
    }

    @Test
    void oneClientHasNotAllPlaces() throws InterruptedException {
        for (int i = 0; i < OfferFetches.PLACES_OF_ONE; i++) {
            assertTrue(begin(1, DAY_MS) != null);
        }
        assertFalse(fetches.hasPlace(client(1)));
        assertTrue(begin(1, DAY_MS) == null);
        assertTrue(begin(2, DAY_MS) != null);
    }

    @Test
    void whatComesSlowlyGoesWhereOthersWaitAndStaysWhereNoneDo() throws InterruptedException {
        Fetch slow = begin(0, DAY_MS);
        Fetch quick = begin(1, DAY_MS);
        seconds(100);
        slow.more(1);
        quick.more(100 * (64 << 10));
        for (int i = 2; i < OfferFetches.PLACES; i++) {
            begin(i, DAY_MS);
        }
        slow.more(1);
        assertFalse(fetches.hasPlace(client(100)), "another waits from now on");
        String why =
                assertThrows(UncheckedIOException.class, () -> slow.more(1)).getMessage();
        assertTrue(why.contains("other offers wait"), why);
        quick.more(1);
        seconds(11);
        slow.more(1);
    }

    @Test
    void aClientThatWaitsForItsOwnPlacesHasNoneOfOthers() throws InterruptedException {
        Fetch slow = begin(0, DAY_MS);
        begin(1, DAY_MS);
        begin(1, DAY_MS);
        seconds(100);
        assertFalse(fetches.hasPlace(client(1)));
        slow.more(1);
    }

    @Test
    void whatHasJustBegunIsNotCalledSlow() throws InterruptedException {
        for (int i = 0; i < OfferFetches.PLACES - 1; i++) {
            begin(i, DAY_MS);
        }
        Fetch last = begin(99, DAY_MS);
        seconds(59);
        assertFalse(fetches.hasPlace(client(100)));
        last.more(1);
        seconds(2);
        assertThrows(UncheckedIOException.class, () -> last.more(1));
    }

    @Test
    void aFetchEndsWithItsOffer() throws InterruptedException {
        Fetch fetch = begin(0, 10_000);
        seconds(9);
        fetch.more(1 << 30);
        seconds(1);
        assertThrows(UncheckedIOException.class, () -> fetch.more(1 << 30));
    }
}
