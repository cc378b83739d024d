package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.order.Question;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A client's command has an end, whatever a full node replies. */
class LedgerClientTest {
    /** A full node that replies as a test says. */
    private static LedgerClient client(AtomicInteger asked, Reply reply) {
        return new LedgerClient(
                new Sequencer() {
                    @Override
                    public Answer submit(byte[] signed) {
                        asked.incrementAndGet();
                        return reply.of();
                    }

                    @Override
                    public byte[] ask(Question question, byte[] key) {
                        return new byte[0];
                    }

                    @Override
                    public long timeMs() {
                        return 1;
                    }

                    @Override
                    public void close() {}
                },
                Keys.random(),
                new byte[32]);
    }

    private interface Reply {
        Sequencer.Answer of();
    }

    private static void endsOnce(Reply reply, String why) {
        AtomicInteger asked = new AtomicInteger();
        LedgerClient client = client(asked, reply);
        IOException e = assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () -> assertThrows(IOException.class, () -> client.submit(new Command.Bond(1))));
        assertTrue(e.getMessage().contains(why), e.getMessage());
        assertEquals(1, asked.get(), "nothing is submitted again by itself");
    }

    @Test
    void aReplyWithoutReasonsIsAnError() {
        endsOnce(() -> new Sequencer.Answer(1, 1, List.of()), "says nothing of the commands");
    }

    @Test
    void anythingThatIsThrownIsTheCallersError() {
        endsOnce(
                () -> {
                    throw new IllegalStateException("the encoder failed");
                },
                "the encoder failed");
        endsOnce(() -> null, "could not be submitted");
    }

    @Test
    void aReplyWithOneReasonIsThatOfAllCommands() throws IOException {
        LedgerClient client = client(new AtomicInteger(), () -> new Sequencer.Answer(7, 1, Arrays.asList("not now")));
        LedgerClient.Outcome outcome = client.submit(new Command.Bond(1));
        assertEquals("not now", outcome.reason());
        assertEquals(7, outcome.height());
    }

    @Test
    void commandsThatWaitGoTogetherAndAllHaveAnEnd() throws Exception {
        int threads = 60;
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        LedgerClient client = client(asked, () -> {
            try {
                release.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return new Sequencer.Answer(7, 1, Arrays.asList((String) null));
        });
        AtomicInteger applied = new AtomicInteger();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            all.add(Thread.ofPlatform().start(() -> {
                try {
                    applied.addAndGet(client.submit(new Command.Bond(1)).isApplied() ? 1 : 0);
                } catch (IOException e) {
                    // Counted below.
                }
            }));
        }
        // Some are on their way, the others wait for one of them.
        while (all.stream().anyMatch(thread -> thread.getState() != Thread.State.WAITING)) {
            Thread.sleep(1);
        }
        int first = asked.get();
        release.countDown();
        for (Thread thread : all) {
            thread.join(10_000);
        }
        assertEquals(threads, applied.get());
        assertTrue(first < 10, "on their way at a time: " + first);
        assertTrue(asked.get() <= first + 2, "the others went together: " + asked);
    }
}
