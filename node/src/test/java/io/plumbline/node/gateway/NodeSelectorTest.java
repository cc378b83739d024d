package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.NodePage;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.inference.NodeRequests;
import io.plumbline.node.inference.NodeResponder;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.NoEscrowException;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.AgentRunner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One full node that lies neither shuts a gateway off nor chooses its nodes. */
class NodeSelectorTest {
    private static final long PRICE = 2;
    private static final int TOKENS = 50;
    private static final Bytes32 MODEL = Bytes32.of(filled(7));
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final KeyPair HONEST = KeyPair.random();
    private static final KeyPair ACCOMPLICE = KeyPair.random();
    private static final Genesis GENESIS = new Genesis(
            List.of(KeyPair.random().publicKey()),
            10_000,
            Bytes32.ZERO,
            List.of(
                    new Genesis.Deposit(GATEWAY.publicKey(), 100_000),
                    new Genesis.Deposit(HONEST.publicKey(), 100_000)),
            Parameters.DEFAULT);

    @TempDir
    Path folder;

    private final MemorySequencer ledger = new MemorySequencer(GENESIS, 1_000_000);
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private final BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private Media media;
    private NodeSelector selector;
    private Ingresses ingresses;
    private int port;
    private long nowNs;

    /** What a node was asked, and whether an escrow pays for it. */
    private record Heard(Request request, boolean isPaid) {}

    /** What the first full node does. */
    private enum Lie {
        NONE,
        NO_NODES,
        NO_LIST,
        ACCOMPLICE_ALONE,
        NODE_REFUSED,
        ACCOUNT_REFUSED,
        APPLIED,
        LOWER_PRICE
    }

    /** Two full nodes, or one, of which the first lies and is asked first. */
    private final class Ingresses implements Sequencer {
        private final int count;
        private Lie lie = Lie.NONE;
        private int asked;
        private int questions;
        private final ThreadLocal<Integer> answered = ThreadLocal.withInitial(() -> 0);

        Ingresses(int count) {
            this.count = count;
        }

        private boolean lies(Lie... about) {
            questions++;
            return asked == 0 && List.of(about).contains(lie);
        }

        @Override
        public synchronized Answer submit(byte[] signed) {
            answered.set(asked);
            if (lies(Lie.NODE_REFUSED, Lie.ACCOUNT_REFUSED, Lie.APPLIED)) {
                String reason = lie == Lie.NODE_REFUSED
                        ? "the node is not registered, or was slashed"
                        : lie == Lie.ACCOUNT_REFUSED ? "escrow 1 and an audit fee of 1 are not covered" : null;
                return new Answer(1, ledger.timeMs(), Collections.singletonList(reason));
            }
            return ledger.submit(signed);
        }

        @Override
        public synchronized byte[] ask(Query query, byte[] key) {
            answered.set(asked);
            byte[] truth = ledger.ask(query, key);
            if (query != Query.NODES || !lies(Lie.NO_NODES, Lie.NO_LIST, Lie.ACCOMPLICE_ALONE, Lie.LOWER_PRICE)) {
                return truth;
            }
            if (lie == Lie.NO_LIST) {
                return new byte[] {1, 2, 3};
            }
            List<Node> nodes = new ArrayList<>();
            for (Node node : NodePage.decode(truth).nodes()) {
                // Nothing is reached at the accomplice's address.
                Bytes32 named = lie == Lie.ACCOMPLICE_ALONE ? ACCOMPLICE.publicKey() : node.key();
                int port = lie == Lie.ACCOMPLICE_ALONE ? 9 : node.port();
                nodes.add(new Node(named, MODEL, PRICE - 1, node.host(), port, node.most(), 1, false, 0));
            }
            List<Node> listed = lie == Lie.NO_NODES ? List.of() : nodes;
            CanonicalWriter page = new CanonicalWriter().putInt(0).putInt(listed.size());
            listed.forEach(node -> page.putFixed(node.encode()));
            return page.toBytes();
        }

        @Override
        public void distrust() {
            distrust(asked);
        }

        @Override
        public synchronized int asked() {
            return asked;
        }

        @Override
        public int answered() {
            return answered.get();
        }

        @Override
        public int fullNodes() {
            return count;
        }

        @Override
        public synchronized void prefer(int one, int over) {
            asked = asked == over ? one : asked;
        }

        @Override
        public synchronized void distrust(int one) {
            asked = asked == one ? (one + 1) % count : asked;
        }

        @Override
        public long timeMs() {
            return ledger.timeMs();
        }

        @Override
        public void close() {}
    }

    /** An honest node as far as this goes: it takes what an escrow pays for, and answers nothing. */
    private final class Hearing implements NodeRequests.Handler {
        @Override
        public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
            Request request = Request.decode(bytes);
            boolean isPaid;
            synchronized (ingresses) {
                isPaid = ledger.state(0).findSettlement(request.hash()) != null;
            }
            heard.add(new Heard(request, isPaid));
            if (isPaid) {
                return;
            }
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
            RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            refused.correlationId(id).busy((short) 0).reason(NoEscrowException.MESSAGE);
            NodeResponder.send(from, buffer, refused.encodedLength());
        }

        @Override
        public void cancel(Peer from, long id, Cancellation cancellation) {}

        @Override
        public void disclose(Peer from, long id, Bytes32 receiptHash) {}

        @Override
        public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {}

        @Override
        public void proceed(Peer from, long id, long upTo) {}

        @Override
        public void gone(Peer from) {}
    }

    private static byte[] filled(int value) {
        byte[] bytes = new byte[32];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private Endpoint endpoint(KeyPair keys, Endpoint.Protocol protocol) {
        Endpoint endpoint = new Endpoint(
                media.aeron(),
                "localhost",
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                protocol);
        AgentRunner runner =
                new AgentRunner(Drivers.idle(media.directory()), Throwable::printStackTrace, null, endpoint);
        AgentRunner.startOnThread(runner);
        open.add(runner);
        return endpoint;
    }

    private void start(int fullNodes) throws InterruptedException {
        ingresses = new Ingresses(fullNodes);
        LedgerClient client = new LedgerClient(ingresses, GATEWAY, GENESIS.hash());
        CertifiedSettlements certified = new CertifiedSettlements(client, GENESIS);
        NodeClient asking = new NodeClient(30_000);
        Endpoint endpoint = endpoint(GATEWAY, asking.protocol());
        // A session that is there already: how long one takes is not looked at here.
        assertTrue(
                endpoint.connect("127.0.0.1", port, HONEST.publicKey().bytes()).awaitOpen(30_000));
        selector = new NodeSelector(
                GATEWAY,
                certified,
                new NodeLists(client, () -> nowNs),
                endpoint,
                asking,
                Terms.at(Level.SIGNED),
                new BoughtAnswers(certified),
                new UnsettledRequests(certified),
                new LedgerFees(certified, fault -> {}),
                new Events(new PrintStream(told, true, StandardCharsets.UTF_8)));
    }

    @BeforeEach
    void start() {
        ledger.join((changed, node) -> {});
        media = new Media(folder.resolve("driver"), e -> {}, () -> {});
        port = endpoint(HONEST, new NodeRequests(new Hearing()).protocol()).port();
        Command registering = new Command.RegisterNode(50_000, MODEL, PRICE, "127.0.0.1", port);
        Signed signed = Signed.of(GENESIS.hash(), HONEST, ledger.timeMs() + 60_000, registering);
        assertEquals(
                Collections.singletonList(null), ledger.submit(signed.encode()).reasons());
    }

    @AfterEach
    void stop() {
        CloseHelper.closeAll(open.reversed());
        CloseHelper.close(media);
    }

    private Answerers.Answerer find() throws IOException {
        return selector.find(MODEL, new NodeWish(Level.SIGNED, "", Long.MAX_VALUE, null), Set.of());
    }

    /** Has a node asked; fails where it refuses. */
    private void ask() throws Exception {
        Answerers.Answerer by = find();
        assertEquals(HONEST.publicKey(), by.key());
        Request request = request();
        try (AnswerStream stream = by.infer(request, TOKENS, Level.SIGNED, 1_000, -1, token -> {})) {
            Heard came = heard.poll(30, TimeUnit.SECONDS);
            assertEquals(request.hash(), came.request().hash());
            if (!came.isPaid()) {
                RuntimeException refused = assertThrows(RuntimeException.class, stream::await);
                by.refused(refused);
                throw refused;
            }
        } catch (NotAskedException e) {
            by.refused(e);
            throw e;
        }
    }

    private static Request request() {
        byte[] nonce = Arrays.copyOf(KeyPair.random().publicKey().bytes(), 16);
        int[] prompt = {1};
        return new Request(
                MODEL, "[]", 0, prompt, Sampling.GREEDY, 1, new int[0], List.of(), GATEWAY.publicKey(), nonce);
    }

    private void assertNotLeftOut() {
        assertFalse(told.toString().contains(HONEST.publicKey().toString()), told.toString());
    }

    @Test
    void aFullNodeThatNamesNoNodesHasTheNextOneAsked() throws Exception {
        start(2);
        ingresses.lie = Lie.NO_NODES;
        assertTrue(selector.hasModel(MODEL));
        ask();
        ask();
        assertEquals(0, ingresses.asked, "for this once: clients choose which list does not do");
        assertNotLeftOut();
    }

    @Test
    void anAnswerThatIsNoListCostsOneRequestAndNotTheNext() throws Exception {
        start(2);
        ingresses.lie = Lie.NO_LIST;
        assertThrows(IOException.class, this::ask);
        ask();
        assertNotLeftOut();
    }

    @Test
    void aFullNodeThatNamesNodesThatAreNotThereHasTheNextOneAsked() throws Exception {
        start(2);
        ingresses.lie = Lie.ACCOMPLICE_ALONE;
        ask();
        assertEquals(0, ingresses.asked);
        assertNotLeftOut();
    }

    @Test
    void eachMinuteAnotherFullNodeNamesTheNodes() throws Exception {
        start(2);
        ingresses.lie = Lie.LOWER_PRICE;
        assertEquals(PRICE - 1, find().price(), "one that could be is believed");
        nowNs += TimeUnit.SECONDS.toNanos(60);
        assertEquals(PRICE, find().price());
        assertEquals(PRICE, find().price());
    }

    @Test
    void aRefusalOfOneFullNodeNeitherEndsARequestNorLeavesTheNodeOut() throws Exception {
        start(2);
        for (Lie lie : List.of(Lie.NODE_REFUSED, Lie.ACCOUNT_REFUSED)) {
            ingresses.lie = lie;
            ingresses.asked = 0;
            ask();
            ask();
            assertEquals(1, ingresses.asked);
        }
        assertNotLeftOut();
    }

    @Test
    void anEscrowThatIsNotThereCostsOneRequestAndNotTheNext() throws Exception {
        start(2);
        ingresses.lie = Lie.APPLIED;
        assertThrows(NoEscrowException.class, this::ask);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (ingresses.asked() == 0 && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        ask();
        assertNotLeftOut();
    }

    @Test
    void aNodeThatIsListedWithOtherTermsThanItHasIsNotLeftOut() throws Exception {
        start(2);
        ingresses.lie = Lie.LOWER_PRICE;
        assertThrows(NotAskedException.class, this::ask);
        ask();
        assertNotLeftOut();
    }

    @Test
    void whatTwoFullNodesSayOfANodeHasItAskedLast() throws Exception {
        start(2);
        Answerers.Answerer by = find();
        int most = 49_000;
        assertThrows(
                NotAskedException.class,
                () -> by.infer(request(), most, Level.SIGNED, 1_000, -1, token -> {}),
                "its stake does not cover so much");
        assertTrue(told.toString().contains(HONEST.publicKey().toString()), told.toString());
    }

    @Test
    void whereThereIsOneFullNodeAFailureCostsOneMoreQuestion() throws Exception {
        start(1);
        ask();
        ingresses.lie = Lie.NO_NODES;
        int before = ingresses.questions;
        assertEquals(503, assertThrows(ApiException.class, this::find).status());
        assertEquals(2, ingresses.questions - before);
        ingresses.lie = Lie.NODE_REFUSED;
        before = ingresses.questions;
        assertThrows(NotAskedException.class, this::ask);
        assertEquals(1 + 2, ingresses.questions - before, "the node was found by one, and the escrow refused by two");
    }
}
