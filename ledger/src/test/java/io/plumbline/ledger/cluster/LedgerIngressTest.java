package io.plumbline.ledger.cluster;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.PaymentPage;
import io.plumbline.ledger.order.PipelinedSequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.state.Admission;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SignatureChecks;
import io.plumbline.ledger.state.Signed;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Peer;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.UnavailableDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ingresses before a ledger in memory, which can be made to wait. */
@Tag("slow")
class LedgerIngressTest {
    private static final int OF_ONE = 512;

    @TempDir
    private Path folder;

    private final CountDownLatch open = new CountDownLatch(1);
    private final AtomicInteger ordered = new AtomicInteger();
    private final MemorySequencer memory = new MemorySequencer(genesis(), 1);
    private MediaDriver driver;
    private Aeron aeron;
    private AgentRunner runner;
    private IngressAddress address;

    private final PipelinedSequencer waiting = new PipelinedSequencer() {
        @Override
        public CompletableFuture<Answer> submitLater(byte[] signed) {
            ordered.incrementAndGet();
            return CompletableFuture.supplyAsync(() -> submit(signed), Thread::startVirtualThread);
        }

        @Override
        public CompletableFuture<byte[]> askLater(Query query, byte[] key) {
            return CompletableFuture.supplyAsync(() -> ask(query, key), Thread::startVirtualThread);
        }

        @Override
        public Answer submit(byte[] signed) {
            pass();
            synchronized (memory) {
                return memory.submit(signed);
            }
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            pass();
            synchronized (memory) {
                return memory.ask(query, key);
            }
        }

        private void pass() {
            try {
                open.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public long timeMs() {
            return memory.timeMs();
        }

        @Override
        public void close() {
            memory.close();
        }
    };

    @BeforeEach
    void start() {
        memory.join((changed, node) -> {});
        driver = MediaDriver.launch(Drivers.context(folder.resolve("driver")));
        aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()));
        KeyPair full = FULL_NODES.getFirst();
        Admission admission =
                new Admission(genesis().hash(), new SignatureChecks(genesis().hash()));
        runner = run(full, new LedgerIngress(waiting, admission, () -> 42).protocol());
        address = new IngressAddress("localhost:" + ((Endpoint) runner.agent()).port(), full.publicKey());
    }

    private AgentRunner run(KeyPair keys, Endpoint.Protocol protocol) {
        Endpoint endpoint = new Endpoint(
                aeron, "localhost", 0, new Identity(keys::sign, keys.publicKey().bytes()), protocol);
        AgentRunner started =
                new AgentRunner(Drivers.idle(driver.aeronDirectoryName()), Throwable::printStackTrace, null, endpoint);
        AgentRunner.startOnThread(started);
        return started;
    }

    @AfterEach
    void stop() {
        open.countDown();
        runner.close();
        aeron.close();
        driver.close();
    }

    private static void await(int wanted, IntSupplier count) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (count.getAsInt() < wanted && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertEquals(wanted, count.getAsInt());
    }

    /** A slow host's first handshake takes longer than what is refused is asked for again. */
    private static void connect(RemoteSequencer remote) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (System.nanoTime() < end) {
            try {
                remote.ask(Query.ROOT, new byte[0]);
                return;
            } catch (IOException e) {
                assertTrue(e.getMessage().contains("majority"), e.getMessage());
            }
        }
    }

    private Signed bond(KeyPair keys) {
        return Signed.of(genesis().hash(), keys, memory.timeMs() + 60_000, new Bond(1));
    }

    @Test
    void oneClientDoesNotTakeTheOthersRoom() throws Exception {
        AtomicInteger answered = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        Endpoint.Receiver counts = (Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) ->
                (header.templateId() == UnavailableDecoder.TEMPLATE_ID ? refused : answered).incrementAndGet();
        try (AgentRunner greedy =
                run(NODE, new Endpoint.Protocol(OutcomeDecoder.SCHEMA_ID, OutcomeDecoder.SCHEMA_VERSION, counts))) {
            Peer ingress = ((Endpoint) greedy.agent())
                    .connect(address.host(), address.port(), address.key().bytes());
            for (int i = 0; i < OF_ONE + 50; i++) {
                UnsafeBuffer message = LedgerWire.submit(i, bond(NODE).encode());
                ingress.send(message, 0, message.capacity());
            }
            await(50, refused::get);
            try (RemoteSequencer modest =
                    new RemoteSequencer(driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address))) {
                Thread other = Thread.ofVirtual().start(() -> {
                    try {
                        assertNull(modest.submit(bond(REQUESTER).encode())
                                .reasons()
                                .getFirst());
                        answered.incrementAndGet();
                    } catch (IOException e) {
                        refused.incrementAndGet();
                    }
                });
                await(OF_ONE + 1, ordered::get);
                open.countDown();
                other.join();
            }
            await(OF_ONE + 1, answered::get);
            assertEquals(50, refused.get());
        }
    }

    /** Who sends the longest commands there are has no more memory of a full node than who sends short ones. */
    @Test
    void longCommandsTakeMoreRoomThanShortOnes() throws Exception {
        AtomicInteger refused = new AtomicInteger();
        Endpoint.Receiver counts = (Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) -> {
            if (header.templateId() == UnavailableDecoder.TEMPLATE_ID) {
                refused.incrementAndGet();
            }
        };
        KeyPair full = FULL_NODES.getFirst();
        TreeMap<Long, byte[]> votes = new TreeMap<>();
        for (long epoch = 0; epoch < EpochStatement.MAX_VOTES; epoch++) {
            votes.put(epoch, new byte[32]);
        }
        Command longest =
                new Command.StateEpoch(EpochStatement.of(genesis().hash(), EpochStatement.MAX_VOTES, 0, votes, full));
        // Anybody may send what another has signed.
        byte[] commands = Signed.of(genesis().hash(), full, memory.timeMs() + 60_000, longest)
                .encode();
        int taken = OF_ONE / (1 + (commands.length >> 10));
        assertTrue(taken < 20, commands.length + " bytes");
        try (AgentRunner greedy =
                run(NODE, new Endpoint.Protocol(OutcomeDecoder.SCHEMA_ID, OutcomeDecoder.SCHEMA_VERSION, counts))) {
            Peer ingress = ((Endpoint) greedy.agent())
                    .connect(address.host(), address.port(), address.key().bytes());
            for (int i = 0; i < 64; i++) {
                UnsafeBuffer message = LedgerWire.submit(i, commands);
                ingress.send(message, 0, message.capacity());
            }
            await(64 - taken, refused::get);
            await(taken, ordered::get);
            open.countDown();
        }
    }

    @Test
    void whatIsTooLongForAnyQuestionIsNotPassedOn() throws Exception {
        open.countDown();
        try (RemoteSequencer stranger = new RemoteSequencer(
                driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address), TimeUnit.SECONDS.toNanos(6))) {
            connect(stranger);
            String why = assertThrows(IOException.class, () -> stranger.ask(Query.PROOF, new byte[200_000]))
                    .getMessage();
            assertTrue(why.contains("at most"), why);
            why = assertThrows(IOException.class, () -> stranger.submit(new byte[200_000]))
                    .getMessage();
            assertTrue(why.contains("at most"), why);
            assertEquals(0, ordered.get());
        }
    }

    @Test
    void whatWaitsForANodeAndWhatWasPaidToItIsToldToItAlone() throws Exception {
        open.countDown();
        try (RemoteSequencer stranger = new RemoteSequencer(
                        driver.aeronDirectoryName(),
                        "localhost",
                        REQUESTER,
                        List.of(address),
                        TimeUnit.SECONDS.toNanos(6));
                RemoteSequencer node =
                        new RemoteSequencer(driver.aeronDirectoryName(), "localhost", NODE, List.of(address))) {
            connect(stranger);
            assertEquals(0, node.ask(Query.ESCROWS, NODE.publicKey().bytes()).length);
            String why = assertThrows(
                            IOException.class,
                            () -> stranger.ask(Query.ESCROWS, NODE.publicKey().bytes()))
                    .getMessage();
            assertTrue(why.contains("only a node itself"), why);
            byte[] ofNode = Arrays.copyOf(NODE.publicKey().bytes(), 40);
            assertEquals(
                    0,
                    PaymentPage.decode(node.ask(Query.PAYMENTS, ofNode))
                            .payments()
                            .size());
            for (byte[] asked : new byte[][] {ofNode, new byte[0], new byte[40]}) {
                why = assertThrows(IOException.class, () -> stranger.ask(Query.PAYMENTS, asked))
                        .getMessage();
                assertTrue(why.contains("only an account itself"), why);
            }
        }
    }

    @Test
    void whereNoIngressAnswersTheErrorSaysWhere() {
        try (RemoteSequencer remote = new RemoteSequencer(
                driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address), TimeUnit.SECONDS.toNanos(6))) {
            String why = assertThrows(IOException.class, () -> remote.ask(Query.ROOT, new byte[0]))
                    .getMessage();
            assertTrue(why.contains(address.address()) && why.contains("majority"), why);
        }
    }

    @Test
    void aIngressThatShowsAnotherKeyIsNotBelieved() {
        IngressAddress wrong =
                new IngressAddress(address.address(), FULL_NODES.get(1).publicKey());
        try (RemoteSequencer remote = new RemoteSequencer(
                driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(wrong), TimeUnit.SECONDS.toNanos(1))) {
            String why = assertThrows(IOException.class, () -> remote.ask(Query.ROOT, new byte[0]))
                    .getMessage();
            assertTrue(why.contains("another key"), why);
        }
    }

    @Test
    void itSaysItselfWhereItsLogBegins() throws Exception {
        try (RemoteSequencer remote =
                new RemoteSequencer(driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address))) {
            assertEquals(42, remote.logStart());
        }
    }

    /** Many find a lie out at once: each has had it of the same full node, and there may be two in all. */
    @Test
    void ofManyThatDistrustAFullNodeOneHasTheNextAskedAndNoneGoesToOneThatIsSilent() throws Exception {
        KeyPair second = FULL_NODES.get(1);
        Admission admission =
                new Admission(genesis().hash(), new SignatureChecks(genesis().hash()));
        AtomicInteger silent = new AtomicInteger();
        try (AgentRunner other = run(second, new LedgerIngress(waiting, admission, () -> 43).protocol())) {
            IngressAddress next =
                    new IngressAddress("localhost:" + ((Endpoint) other.agent()).port(), second.publicKey());
            IngressAddress dead =
                    new IngressAddress("localhost:9", FULL_NODES.get(2).publicKey());
            try (RemoteSequencer remote =
                    new RemoteSequencer(driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address, next))) {
                long before = remote.logStart();
                int asked = remote.asked();
                for (int i = 0; i < 4; i++) {
                    remote.distrust(asked);
                }
                assertEquals(85 - before, remote.logStart(), "the other one, of 42 and 43");
            }
            try (RemoteSequencer remote = new RemoteSequencer(
                    driver.aeronDirectoryName(), "localhost", REQUESTER, List.of(address, dead, next))) {
                for (int i = 0; i < 9; i++) {
                    silent.addAndGet(remote.asked() == 1 ? 1 : 0);
                    long start = remote.logStart();
                    assertEquals(start == 42 ? 0 : 2, remote.answered(), "and not who was asked first");
                    remote.distrust(remote.asked());
                }
                assertTrue(silent.get() <= 1, "it was turned to " + silent + " times");
            }
        }
    }
}
