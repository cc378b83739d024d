package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.inference.NodeRequests;
import io.plumbline.node.inference.OutgoingOpening;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.AgentRunner;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Nodes that say what they answered and do not open it. One opens nothing: it is not slashed, for silence proves no
 * lie, and it is not paid. One opens false products: who finds that has all others look at the same cell.
 */
@Tag("slow")
class DishonestNodeTest {
    private static final KeyPair FULL = KeyPair.random();
    private static final KeyPair NODE = KeyPair.random();
    private static final KeyPair REQUESTER = KeyPair.random();

    @TempDir
    Path folder;

    /**
     * Discloses what it answered.
     *
     * @param challenges receives what it is asked to open.
     * @param sending openings on their way, by call.
     * @param openings what it opens; null for nothing at all.
     */
    private record Dishonest(
            Request request,
            Answer answer,
            List<Cell> challenges,
            Map<Long, OutgoingOpening> sending,
            Function<Cell, byte[]> openings,
            Function<Cell, Seal> seals)
            implements NodeRequests.Handler {
        @Override
        public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {}

        @Override
        public void cancel(Peer from, long id, Cancellation cancellation) {}

        @Override
        public void disclose(Peer from, long id, Bytes32 receiptHash) {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
            DisclosedEncoder encoder = new DisclosedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            byte[] asked = request.encode();
            byte[] answered = answer.encode();
            encoder.correlationId(id).putRequest(asked, 0, asked.length).putAnswer(answered, 0, answered.length);
            int length = MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength();
            Thread.startVirtualThread(() -> from.send(buffer, 0, length));
        }

        @Override
        public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {
            challenges.add(cell);
            if (openings != null) {
                byte[] bytes = openings.apply(cell);
                OutgoingOpening outgoing =
                        new OutgoingOpening(from, id, seals.apply(cell).encode(), bytes);
                sending.put(id, outgoing);
                Thread.startVirtualThread(outgoing::run);
            }
        }

        @Override
        public void gone(Peer from) {
            // It waits for nobody.
        }

        @Override
        public void proceed(Peer from, long id, long upTo) {
            sending.get(id).proceed(upTo);
        }
    }

    @Test
    void silenceIsPostedAskedAboutAgainAndCostsTheNodeItsPrice() throws Exception {
        List<Cell> challenges = new CopyOnWriteArrayList<>();
        Settlement found = settle(
                false,
                (replay, receipt) -> new Dishonest(
                        replay.request(), replay.answer(), challenges, new ConcurrentHashMap<>(), null, null));
        assertEquals(Status.REFUNDED, found.status());
        assertEquals(1, found.audit().round(), "a round began anew when the challenge was posted");
        Cell posted = found.audit().postedCells().getFirst();
        assertEquals(List.of(posted, posted), challenges, "it was asked for again, and first");
        assertTrue(found.reasons().getFirst().startsWith("SILENCE"), found.reasons()::toString);
    }

    @Test
    void aLieThatOneAuditorDrewIsPutToAllOfThem() throws Exception {
        List<Cell> challenges = new CopyOnWriteArrayList<>();
        Settlement found = settle(true, (served, receipt) -> {
            Function<Cell, byte[]> lie = cell -> {
                byte[] bytes = served.replay().bytes(cell).toArray(ValueLayout.JAVA_BYTE);
                bytes[Math.toIntExact(OpeningLayout.of(served.view(), cell).proof()) + 40] ^= 1;
                return bytes;
            };
            Function<Cell, Seal> seal = cell -> Seal.of(
                    receipt.hash().bytes(),
                    OpeningLayout.of(served.view(), cell),
                    MemorySegment.ofArray(lie.apply(cell)),
                    NODE);
            return new Dishonest(served.request(), served.answer(), challenges, new ConcurrentHashMap<>(), lie, seal);
        });
        assertEquals(Status.SLASHED, found.status());
        assertEquals(1, found.audit().round());
        Cell posted = found.audit().postedCells().getFirst();
        assertEquals(posted, challenges.getFirst());
        assertTrue(Files.exists(folder.resolve("full/evidence/" + found.requestHash() + ".evidence")));
    }

    /** What the node answered, honestly. */
    private record Served(Request request, Answer answer, Replay replay, AnswerView view) {}

    /** One answer at level AUDITED, by such a node, before one full node; how its case ended. */
    @SuppressWarnings("try") // the full node only has to be there
    private Settlement settle(boolean isProven, BiFunction<Served, Receipt, Dishonest> nodeOf) throws Exception {
        Genesis genesis = new Genesis(
                List.of(FULL.publicKey()),
                List.of(new Deposit(NODE.publicKey(), 100_000), new Deposit(REQUESTER.publicKey(), 100_000)));
        Network network = Network.onThisHost(genesis);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                ForwardPass forward = TestModels.forward(model)) {
            Request request = TestModels.request(model, new int[] {0, 560, 376}, 4, Sampling.GREEDY);
            Generator generator = new Generator(forward, NODE.publicKey());
            Generator.Result result = generator.generate(request, token -> {});
            Answer answer = TestModels.answer(model, result.tokens());
            Receipt receipt = Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), 10, NODE);
            AnswerView view =
                    new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), result.tokens());
            Replay replay = new Replay(generator, forward, NODE.publicKey(), request, result.tokens());
            Dishonest node = nodeOf.apply(new Served(request, answer, replay, view), receipt);
            Path key = folder.resolve("verifier.key");
            try (FullNode fullNode = FullNode.launch(
                            network,
                            FULL,
                            new FullNode.Context(
                                    List.of(model.folder()),
                                    key,
                                    folder.resolve("full"),
                                    FullNode.SNAPSHOT_BYTES,
                                    1_000),
                            events,
                            (code, why) -> {});
                    Media driver = new Media(folder.resolve("driver"), e -> {}, () -> {});
                    LedgerClient ledger = ledger(driver, network, NODE);
                    LedgerClient other = ledger(driver, network, REQUESTER)) {
                Endpoint endpoint = new Endpoint(
                        driver.aeron(),
                        "localhost",
                        0,
                        new Identity(NODE::sign, NODE.publicKey().bytes()),
                        new NodeRequests(node).protocol());
                try (AgentRunner runner = new AgentRunner(Drivers.idle(driver.directory()), e -> {}, null, endpoint)) {
                    AgentRunner.startOnThread(runner);
                    applied(ledger, new Command.RegisterNode(500, model.id(), 5, "127.0.0.1", endpoint.port()));
                    Command escrow = new Command.OpenEscrow(request.hash(), NODE.publicKey(), 9, 10, Level.AUDITED);
                    applied(other, escrow);
                    applied(ledger, new Command.SubmitReceipt(receipt));
                    Settlement found = ended(ledger, request.hash(), isProven);
                    long end = System.currentTimeMillis() + 120_000;
                    // Money follows the certificate.
                    while (ledger.account(REQUESTER.publicKey()).balance() != 100_000
                            && System.currentTimeMillis() < end) {
                        Thread.sleep(20);
                    }
                    assertEquals(100_000, ledger.account(REQUESTER.publicKey()).balance());
                    assertEquals(
                            isProven ? 0 : 500, ledger.account(NODE.publicKey()).stake());
                    return found;
                }
            }
        }
    }

    private static LedgerClient ledger(Media driver, Network network, KeyPair keys) {
        return network.ledger(driver.directory(), "localhost", keys);
    }

    private static void applied(LedgerClient ledger, Command command) throws Exception {
        LedgerClient.Outcome outcome = ledger.submit(command);
        assertTrue(outcome.isApplied(), outcome.reason());
    }

    /** The case when it has ended, or its lie is proven. */
    private static Settlement ended(LedgerClient ledger, Bytes32 request, boolean isProven) throws Exception {
        long end = System.currentTimeMillis() + 120_000;
        Settlement found = ledger.findSettlement(request);
        while ((found.isOpen() || isProven && found.status() != Status.SLASHED) && System.currentTimeMillis() < end) {
            Thread.sleep(50);
            found = ledger.findSettlement(request);
        }
        return found;
    }
}
