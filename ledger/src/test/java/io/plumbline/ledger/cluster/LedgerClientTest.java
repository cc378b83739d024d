package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.order.DealPage;
import io.plumbline.ledger.order.FeedPage;
import io.plumbline.ledger.order.FeedReading;
import io.plumbline.ledger.order.NodePage;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Admission;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
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
                    public byte[] ask(Query query, byte[] key) {
                        return new byte[0];
                    }

                    @Override
                    public long timeMs() {
                        return 1;
                    }

                    @Override
                    public void close() {}
                },
                KeyPair.random(),
                Bytes32.ZERO);
    }

    private interface Reply {
        Sequencer.Answer of();
    }

    private static void endsOnce(Reply reply, String why) {
        AtomicInteger asked = new AtomicInteger();
        LedgerClient client = client(asked, reply);
        IOException e = assertTimeoutPreemptively(
                Duration.ofSeconds(60),
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
            thread.join(120_000);
        }
        assertEquals(threads, applied.get());
        assertTrue(first < 10, "on their way at a time: " + first);
        assertTrue(asked.get() <= first + 2, "the others went together: " + asked);
    }

    /** An ingress would refuse the whole batch. */
    @Test
    void commandsThatGoTogetherBringNoMoreSignaturesOfOthersThanADoorTakes() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        List<Integer> signatures = Collections.synchronizedList(new ArrayList<>());
        KeyPair sender = KeyPair.random();
        LedgerClient client = new LedgerClient(
                new Sequencer() {
                    @Override
                    public Answer submit(byte[] signed) {
                        List<Command> commands = Signed.decode(signed).commands();
                        signatures.add(commands.stream()
                                .mapToInt(one -> Admission.othersSignatures(sender.publicKey(), one))
                                .sum());
                        try {
                            release.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                        return new Answer(7, 1, Arrays.asList((String) null));
                    }

                    @Override
                    public byte[] ask(Query query, byte[] key) {
                        return new byte[0];
                    }

                    @Override
                    public long timeMs() {
                        return 1;
                    }

                    @Override
                    public void close() {}
                },
                sender,
                Bytes32.ZERO);
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            all.add(Thread.ofPlatform().start(() -> {
                try {
                    client.submit(new Command.SubmitReceipt(Money.receipt(1, 5)));
                } catch (IOException e) {
                    // Counted below: its receipt is in no batch.
                }
            }));
        }
        while (all.stream().anyMatch(thread -> thread.getState() != Thread.State.WAITING)) {
            Thread.sleep(1);
        }
        release.countDown();
        for (Thread thread : all) {
            thread.join(120_000);
        }
        assertEquals(60, signatures.stream().mapToInt(Integer::intValue).sum());
        assertTrue(signatures.stream().allMatch(n -> n <= Admission.MAX_OTHERS_SIGNATURES), signatures.toString());
    }

    /** A ledger whose queries are answered as a test says. */
    private static LedgerClient asked(Function<byte[], byte[]> answer) {
        return new LedgerClient(
                new Sequencer() {
                    @Override
                    public Answer submit(byte[] signed) {
                        throw new IllegalStateException("nothing is submitted here");
                    }

                    @Override
                    public byte[] ask(Query query, byte[] key) {
                        return answer.apply(key);
                    }

                    @Override
                    public long timeMs() {
                        return 1;
                    }

                    @Override
                    public void close() {}
                },
                KeyPair.random(),
                Bytes32.ZERO);
    }

    @Test
    void dealsAreReadPageByPageAndOneByItsNumber() throws IOException {
        int count = DealPage.MAX_DEALS + 1;
        KeyPair client = KeyPair.random();
        Genesis genesis = new Genesis(
                List.of(KeyPair.random().publicKey()), List.of(new Genesis.Deposit(client.publicKey(), 1_000)));
        LedgerState state = new LedgerState(genesis);
        Command offer = new Command.ProposeDeal(
                new StorageTerms(Bytes32.ZERO, 7, StorageTerms.ANY_NODE, 9_000, 2_000, 1_000, 1, 1, 1, 1));
        for (int i = 0; i < count; i++) {
            assertNull(state.apply(Signed.of(genesis.hash(), client, 1_000, offer), 1)
                    .getFirst());
        }
        Replica replica = new Replica(state, (changed, node) -> {}, (timer, atMs) -> {});
        for (Bytes32 account : List.of(client.publicKey(), StorageTerms.ANY_NODE)) {
            List<StorageDeal> read =
                    asked(key -> replica.answer(Query.DEALS, key, 1)).deals(account, Role.ANY, -1);
            assertEquals(count, read.size());
            assertEquals(
                    count, read.stream().map(StorageDeal::number).distinct().count());
            assertArrayEquals(
                    read.get(3).encode(),
                    asked(key -> replica.answer(Query.DEAL, key, 1))
                            .deal(read.get(3).number())
                            .encode());
            String why = assertThrows(
                            IOException.class,
                            () -> asked(key -> read.get(3).encode())
                                    .deal(read.get(4).number()))
                    .getMessage();
            assertTrue(why.contains("another deal"), why);
        }
        assertTrue(asked(key -> replica.answer(Query.DEALS, key, 1))
                .deals(client.publicKey(), Role.CHALLENGED, -1)
                .isEmpty());
        assertNull(asked(key -> replica.answer(Query.DEAL, key, 1)).deal(3));
        byte[] first = replica.answer(
                Query.DEALS,
                new CanonicalWriter()
                        .putBytes32(client.publicKey())
                        .putFixed(new byte[1])
                        .putLong(-1)
                        .toBytes(),
                1);
        String why = assertThrows(IOException.class, () -> asked(key -> first).deals(client.publicKey(), Role.ANY, -1))
                .getMessage();
        assertTrue(why.contains("order of their numbers"), why);
        byte[] noRole = new byte[41];
        noRole[32] = 4;
        assertEquals(0, replica.answer(Query.DEALS, noRole, 1).length);
        assertEquals(0, replica.answer(Query.DEALS, new byte[40], 1).length);
        assertEquals(0, replica.answer(Query.DEAL, new byte[7], 1).length);
    }

    @Test
    void feedsAreReadPageByPageAndOneWithItsValueWhileThatIsFresh() throws IOException {
        int count = FeedPage.MAX_FEEDS + 1;
        KeyPair owner = KeyPair.random();
        Genesis genesis =
                new Genesis(List.of(KeyPair.random().publicKey()), List.of(new Genesis.Deposit(owner.publicKey(), 10)));
        LedgerState state = new LedgerState(genesis);
        List<Command> commands = new ArrayList<>();
        commands.add(new Command.RegisterDataNode(1, "127.0.0.1", 9));
        for (int i = 0; i < count; i++) {
            commands.add(new Command.DeclareFeed(
                    new Feed(owner.publicKey(), "feed " + i, "", 0, 0, 9, 1_000, 500, 1, 2_000, Bytes32.ZERO, 0)));
        }
        for (Command command : commands) {
            assertNull(state.apply(Signed.of(genesis.hash(), owner, 1_000, command), 1)
                    .getFirst());
        }
        Bytes32 id = state.feedsAfter(null, 1).getFirst().id();
        Command report = new Command.ReportValue(id, 0, 7, 1, 1, new byte[32], new byte[32]);
        assertNull(
                state.apply(Signed.of(genesis.hash(), owner, 1_000, report), 1).getFirst());
        state.expire(500);
        Replica replica = new Replica(state, (changed, node) -> {}, (timer, atMs) -> {});
        List<Feed> read = asked(key -> replica.answer(Query.FEEDS, key, 500)).feeds();
        assertEquals(count, read.stream().map(feed -> feed.id()).distinct().count());
        byte[] first = replica.answer(Query.FEEDS, new byte[0], 500);
        String why = assertThrows(IOException.class, () -> asked(key -> first).feeds())
                .getMessage();
        assertTrue(why.contains("order of their ids"), why);
        FeedReading fresh = asked(key -> replica.answer(Query.FEED, key, 2_500)).feed(id);
        assertEquals(7, fresh.value().value());
        // Nothing was ordered meanwhile: a value grows old all the same.
        FeedReading stale = asked(key -> replica.answer(Query.FEED, key, 2_501)).feed(id);
        assertTrue(stale.isStale());
        assertNull(stale.value());
        assertNull(asked(key -> replica.answer(Query.FEED, key, 0)).feed(Bytes32.ZERO));
        Bytes32 other = read.getLast().id();
        why = assertThrows(
                        IOException.class,
                        () -> asked(key -> replica.answer(Query.FEED, id.bytes(), 500))
                                .feed(other))
                .getMessage();
        assertTrue(why.contains("another feed"), why);
    }

    /** It stays registered for nothing, at the lowest price if it likes, and no escrow is let open for it. */
    @Test
    void aNodeThatHasAskedItsStakeBackIsNotNamed() throws IOException {
        KeyPair stays = KeyPair.random();
        KeyPair leaves = KeyPair.random();
        KeyPair keeps = KeyPair.random();
        KeyPair stops = KeyPair.random();
        Genesis genesis = new Genesis(
                List.of(KeyPair.random().publicKey()),
                List.of(stays, leaves, keeps, stops).stream()
                        .map(keys -> new Genesis.Deposit(keys.publicKey(), 10))
                        .toList());
        LedgerState state = new LedgerState(genesis);
        for (KeyPair keys : List.of(stays, leaves)) {
            Command register = new Command.RegisterNode(10, Bytes32.ZERO, 1, "127.0.0.1", 9);
            assertNull(state.apply(Signed.of(genesis.hash(), keys, 1_000, register), 1)
                    .getFirst());
        }
        assertNull(state.apply(Signed.of(genesis.hash(), leaves, 1_000, new Command.Unbond(10)), 1)
                .getFirst());
        for (KeyPair keys : List.of(keeps, stops)) {
            Command register = new Command.RegisterDataNode(10, "127.0.0.1", 9);
            assertNull(state.apply(Signed.of(genesis.hash(), keys, 1_000, register), 1)
                    .getFirst());
        }
        assertNull(state.apply(Signed.of(genesis.hash(), stops, 1_000, new Command.Unbond(10)), 1)
                .getFirst());
        Replica replica = new Replica(state, (changed, node) -> {}, (timer, atMs) -> {});
        assertEquals(
                List.of(keeps.publicKey()),
                asked(key -> replica.answer(Query.DATA_NODES, key, 0)).dataNodes().stream()
                        .map(node -> node.key())
                        .toList());
        List<Node> named = asked(key -> replica.answer(Query.NODES, key, 0)).nodes();
        assertEquals(List.of(stays.publicKey()), named.stream().map(Node::key).toList());
    }

    @Test
    void moreNodesThanAPageHoldsAreReadPageByPage() throws IOException {
        int count = 2 * NodePage.MAX_NODES + 1;
        List<Genesis.Deposit> deposits = new ArrayList<>();
        List<KeyPair> nodes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            nodes.add(KeyPair.random());
            deposits.add(new Genesis.Deposit(nodes.getLast().publicKey(), 10));
        }
        Genesis genesis = new Genesis(List.of(KeyPair.random().publicKey()), deposits);
        LedgerState state = new LedgerState(genesis);
        for (KeyPair keys : nodes) {
            Command register = new Command.RegisterNode(10, Bytes32.ZERO, 1, "127.0.0.1", 9);
            assertNull(state.apply(Signed.of(genesis.hash(), keys, 1_000, register), 1)
                    .getFirst());
        }
        Replica replica = new Replica(state, (changed, node) -> {}, (timer, atMs) -> {});
        AtomicInteger pages = new AtomicInteger();
        List<Node> read = asked(key -> {
                    pages.incrementAndGet();
                    return replica.answer(Query.NODES, key, 0);
                })
                .nodes();
        assertEquals(count, read.size());
        assertEquals(count, read.stream().map(node -> node.key()).distinct().count());
        assertEquals(3, pages.get());
        byte[] first = replica.answer(Query.NODES, new byte[0], 0);
        String why = assertThrows(IOException.class, () -> asked(key -> first).nodes())
                .getMessage();
        assertTrue(why.contains("order of their keys"), why);
    }

    /** A full node that refuses what it does not pass on, and one that is asked after it. */
    private static class TwoFullNodes implements Sequencer {
        private final List<byte[]> came = new ArrayList<>();
        private final String first;
        private final String second;
        private int asked;
        private int answered;

        TwoFullNodes(String first, String second) {
            this.first = first;
            this.second = second;
        }

        @Override
        public Answer submit(byte[] signed) {
            came.add(signed);
            answered = asked;
            return new Answer(1, 1, Collections.singletonList(asked == 0 ? first : second));
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            return new byte[0];
        }

        @Override
        public int asked() {
            return asked;
        }

        @Override
        public int answered() {
            return answered;
        }

        @Override
        public int fullNodes() {
            return 2;
        }

        @Override
        public void distrust(int one) {
            asked = asked == one ? 1 - one : asked;
        }

        @Override
        public void prefer(int one, int over) {
            asked = asked == over ? one : asked;
        }

        @Override
        public long timeMs() {
            return 1;
        }

        @Override
        public void close() {}
    }

    @Test
    void whatOneFullNodeRefusesTheNextIsAskedUnderTheSameSignature() throws IOException {
        Command command = new Command.Bond(1);
        TwoFullNodes lying = new TwoFullNodes("the node is not there", null);
        LedgerClient client =
                new LedgerClient(lying, KeyPair.random(), Money.genesis().hash());
        LedgerClient.Words words = client.submitToTwo(command);
        List<LedgerClient.Outcome> said = words.said();
        assertEquals(1, words.by());
        assertEquals(2, said.size());
        assertEquals("the node is not there", said.getFirst().reason());
        assertTrue(said.getLast().isApplied());
        assertArrayEquals(lying.came.get(0), lying.came.get(1));
        assertEquals(1, client.submitToTwo(command).said().size(), "what is applied is asked once");
        assertEquals(1, lying.asked, "and not of the first again");
        assertEquals(3, lying.came.size());
        TwoFullNodes honest = new TwoFullNodes("no", "not at all");
        client = new LedgerClient(honest, KeyPair.random(), Money.genesis().hash());
        assertEquals("not at all", client.submitToTwo(command).last().reason());
        assertEquals(0, honest.asked, "who was right is asked first again");
        assertEquals("no", client.submit(command).reason());
        assertEquals(3, honest.came.size());
    }

    /** Where the others let it wait, the one that answers at once is asked again: its word stays one word. */
    @Test
    void twoAnswersOfOneFullNodeAreNoTwoWords() {
        TwoFullNodes alone = new TwoFullNodes("no", "no") {
            @Override
            public int answered() {
                return 0;
            }
        };
        LedgerClient client =
                new LedgerClient(alone, KeyPair.random(), Money.genesis().hash());
        String why = assertThrows(IOException.class, () -> client.submitToTwo(new Command.Bond(1)))
                .getMessage();
        assertTrue(why.contains("no other one answers"), why);
    }

    @Test
    void anAnswerOutOfTimeHasAnotherFullNodeAskedTheNextTime() {
        TwoFullNodes late = new TwoFullNodes(null, null) {
            @Override
            public Answer submit(byte[] signed) {
                return new Answer(1, Long.MAX_VALUE, Collections.singletonList(null));
            }
        };
        LedgerClient client =
                new LedgerClient(late, KeyPair.random(), Money.genesis().hash());
        assertThrows(IOException.class, () -> client.submit(new Command.Bond(1)));
        assertEquals(1, late.asked);
    }
}
