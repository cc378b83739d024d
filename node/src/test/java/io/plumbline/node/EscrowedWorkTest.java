package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.CostlyGrammar;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.client.Inference;
import io.plumbline.node.client.NodeClient;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.InferEncoder;
import io.plumbline.transport.nodewire.RefusedDecoder;
import io.plumbline.transport.nodewire.SealedDecoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.agrona.DirectBuffer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An inference node works for an escrow that covers the work, and for nothing else. */
@Tag("slow")
class EscrowedWorkTest {
    private static final String MESSAGES = "[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}]";
    private static final int MOST = 60;

    @TempDir
    static Path folder;

    private static AttackNetwork network;
    private static NodeClient client;
    private static Peer node;
    private static LedgerClient ledger;
    private static int[] prompt;
    private static byte nonces;

    @BeforeAll
    static void start() throws Exception {
        network = new AttackNetwork(folder, Parameters.DEFAULT, 5_000, Level.FULL);
        client = new NodeClient();
        node = network.toHonest(client.protocol());
        ledger = network.ledger(network.requester);
        try (ChatTokenizer tokenizer = ChatTokenizer.of(network.model.tokenFiles())) {
            prompt = tokenizer.prompt(MESSAGES, 0);
        }
    }

    @AfterAll
    static void stop() {
        network.close();
    }

    private static Request request(String messages, KeyPair requester) {
        byte[] nonce = new byte[16];
        nonce[0] = ++nonces;
        return new Request(
                network.model.id(),
                messages,
                0,
                prompt,
                Sampling.GREEDY,
                MOST,
                network.model.stopTokens(),
                List.of(),
                requester.publicKey(),
                nonce);
    }

    private static void escrow(Request request, KeyPair of, long price, long tokens) throws IOException {
        AttackNetwork.apply(ledger, new Command.OpenEscrow(request.hash(), of.publicKey(), price, tokens, Level.FULL));
    }

    private static NodeClient.Answered answered(Request request) throws IOException {
        try (Inference inference = client.infer(
                node, request, network.requester, network.model.config().vocab(), -1, chosen -> {})) {
            return inference.await();
        }
    }

    private static String refused(Request request) {
        return assertThrows(IllegalArgumentException.class, () -> answered(request))
                .getMessage();
    }

    @Test
    void withoutAnEscrowThatCoversItNothingIsAnswered() throws Exception {
        long enough = prompt.length + MOST;
        KeyPair stranger = KeyPair.random();
        assertTrue(refused(request(MESSAGES, stranger)).contains("No escrow on the ledger"));
        Request short1 = request(MESSAGES, network.requester);
        escrow(short1, network.honest, 2, enough - 1);
        assertTrue(refused(short1).contains("the answer may have " + enough), refused(short1));
        Request others = request(MESSAGES, stranger);
        escrow(others, network.honest, 2, enough);
        assertTrue(refused(others).contains("opened by another account"));
        KeyPair evil = network.attackers.getFirst();
        network.register(evil, 20_000, 2, new ScriptedNode(network, evil, 2));
        Request elsewhere = request(MESSAGES, network.requester);
        escrow(elsewhere, evil, 2, enough);
        assertTrue(refused(elsewhere).contains("No escrow on the ledger pays this node"));
    }

    /** Signed under an answer that has less, it would be proof of a lie: an honest node would lose its stake by it. */
    @Test
    void aCancellationOfMoreThanWasDeliveredIsIgnored() throws Exception {
        for (int delivered : new int[] {MOST - 1, 1_000_000}) {
            Request request = request(MESSAGES, network.requester);
            escrow(request, network.honest, 2, prompt.length + MOST);
            Answering answering = new Answering();
            Peer peer = network.toHonest(answering.protocol());
            Wires.infer(peer, 1, request.encode());
            answering.firstToken.await();
            Wires.cancel(peer, 1, Cancellation.of(request.hash(), delivered, network.requester));
            Settlement ended = network.ended(ledger, request.hash(), 30_000);
            assertEquals(Status.SETTLED, ended.status(), ended.reasons().toString());
            assertEquals(MOST, ended.receipt().outputTokens(), "it goes on to its end");
        }
    }

    /** Each is a signature to check, and costs its sender a datagram: a few are looked at for an answer. */
    @Test
    void wrongCancellationsWithoutEndAreNotLookedAt() throws Exception {
        Request request = request(MESSAGES, network.requester);
        escrow(request, network.honest, 2, prompt.length + MOST);
        Answering answering = new Answering();
        Peer peer = network.toHonest(answering.protocol());
        Wires.infer(peer, 1, request.encode());
        answering.firstToken.await();
        for (int i = 0; i < 8; i++) {
            Wires.cancel(peer, 1, Cancellation.of(request.hash(), 0, KeyPair.random()));
        }
        Wires.cancel(peer, 1, Cancellation.of(request.hash(), 0, network.requester));
        Settlement ended = network.ended(ledger, request.hash(), 30_000);
        assertEquals(Status.SETTLED, ended.status(), ended.reasons().toString());
        assertEquals(MOST, ended.receipt().outputTokens(), "it goes on to its end");
    }

    /** Its answer would be streamed, could be shown to no auditor, and so would be neither signed nor paid. */
    @Test
    void aRequestWhoseAnswerCouldNotBeSignedIsNotComputed() throws Exception {
        int[] stops = IntStream.range(1_000_000, 1_500_000).toArray();
        byte[] nonce = new byte[16];
        nonce[0] = ++nonces;
        Request padded = new Request(
                network.model.id(),
                "",
                0,
                prompt,
                Sampling.GREEDY,
                MOST,
                stops,
                List.of(),
                network.requester.publicKey(),
                nonce);
        escrow(padded, network.honest, 2, prompt.length + MOST);
        LongAdder streamed = new LongAdder();
        try (Inference inference = client.infer(
                node, padded, network.requester, network.model.config().vocab(), -1, chosen -> streamed.increment())) {
            String why = assertThrows(IllegalArgumentException.class, inference::await)
                    .getMessage();
            assertEquals(0, streamed.sum(), why);
            assertTrue(why.contains("could be shown to auditors"), why);
        }
    }

    /** The prompt would be computed before the first token, which there is not. */
    @Test
    void aPromptWhoseGrammarCannotBeBegunIsNotComputed() throws Exception {
        Request hard = request(CostlyGrammar.after(0));
        escrow(hard, network.honest, 2, prompt.length + MOST);
        String why = refused(hard);
        assertTrue(why.startsWith("The request does not hold: The grammar takes too much work"), why);
        Request next = request(MESSAGES, network.requester);
        escrow(next, network.honest, 2, prompt.length + MOST);
        assertEquals(MOST, answered(next).receipt().outputTokens(), "the node goes on");
    }

    /** Whoever wrote it has the tokens by then: they are signed for, audited and paid. */
    @Test
    void anAnswerWhoseGrammarTurnsTooCostlyEndsThereAndIsPaid() throws Exception {
        Request costly = request(CostlyGrammar.after(60));
        escrow(costly, network.honest, 2, prompt.length + MOST);
        NodeClient.Answered answered = answered(costly);
        int tokens = answered.receipt().outputTokens();
        assertTrue(tokens > 1 && tokens < MOST, tokens + " tokens");
        assertNull(answered.answer().cancellation());
        Settlement ended = network.ended(ledger, costly.hash(), 30_000);
        assertEquals(Status.SETTLED, ended.status(), ended.reasons().toString());
    }

    private static Request request(String grammar) {
        byte[] nonce = new byte[16];
        nonce[0] = ++nonces;
        return new Request(
                network.model.id(),
                "",
                0,
                prompt,
                Sampling.GREEDY,
                MOST,
                network.model.stopTokens(),
                List.of(),
                grammar,
                network.requester.publicKey(),
                nonce);
    }

    /** A client that reads no more of an answer than that it has begun. */
    private static final class Answering implements Endpoint.Receiver {
        final CountDownLatch firstToken = new CountDownLatch(1);

        Endpoint.Protocol protocol() {
            return new Endpoint.Protocol(InferEncoder.SCHEMA_ID, InferEncoder.SCHEMA_VERSION, this);
        }

        @Override
        public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
            if (header.templateId() == TokenDecoder.TEMPLATE_ID) {
                firstToken.countDown();
            }
        }
    }

    @Test
    void oneNumberIsOneOpening() throws Exception {
        Request request = request(MESSAGES, network.requester);
        escrow(request, network.honest, 2, prompt.length + MOST);
        Bytes32 receiptHash = answered(request).receipt().hash();
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        Endpoint.Receiver counts = (from, header, in, offset) -> {
            if (header.templateId() == SealedDecoder.TEMPLATE_ID || header.templateId() == RefusedDecoder.TEMPLATE_ID) {
                heard.add(header.templateId() == SealedDecoder.TEMPLATE_ID ? "opening" : "refused");
            }
        };
        Peer peer = network.endpoint(
                        KeyPair.random(),
                        new Endpoint.Protocol(InferEncoder.SCHEMA_ID, InferEncoder.SCHEMA_VERSION, counts))
                .connect(
                        "localhost",
                        network.honestPort(),
                        network.honest.publicKey().bytes());
        for (int i = 0; i < 10; i++) {
            Wires.challenge(peer, 7, receiptHash, new Cell(0, i, i + 1));
            String answer = heard.poll(120, TimeUnit.SECONDS);
            assertEquals(i == 0 ? "opening" : "refused", answer, "challenge " + i);
        }
    }

    @Test
    void anEscrowThatIsAboutToEndIsNotWorkedFor(@TempDir Path other) throws Exception {
        try (AttackNetwork soon =
                new AttackNetwork(other, Parameters.DEFAULT.with("escrowMs", 20_000), 5_000, Level.FULL)) {
            LedgerClient paying = soon.ledger(soon.requester);
            Request request = soon.request(MESSAGES, prompt, MOST);
            AttackNetwork.apply(
                    paying,
                    new Command.OpenEscrow(
                            request.hash(), soon.honest.publicKey(), 2, prompt.length + MOST, Level.FULL));
            NodeClient asking = new NodeClient();
            Peer peer = soon.toHonest(asking.protocol());
            try (Inference inference = asking.infer(
                    peer, request, soon.requester, soon.model.config().vocab(), -1, chosen -> {})) {
                String why = assertThrows(IllegalArgumentException.class, inference::await)
                        .getMessage();
                assertTrue(why.contains("ends before"), why);
            }
        }
    }

    @Test
    void whatIsPaidForIsAnsweredOnceAndSettles() throws Exception {
        Request request = request(MESSAGES, network.requester);
        escrow(request, network.honest, 2, prompt.length + MOST);
        NodeClient.Answered answered = answered(request);
        assertTrue(refused(request).contains("answered before"), "an escrow is for one answer");
        Settlement ended = network.ended(ledger, request.hash(), 30_000);
        assertEquals(Status.SETTLED, ended.status(), ended.reasons().toString());
        assertArrayEquals(answered.receipt().encode(), ended.receipt().encode());
    }

    /** Ended elsewhere, or at another price, it would have another receipt: two of them cost the stake. */
    @Test
    void aRequestIsSignedForOnceAlsoUnderAnotherEscrow(@TempDir Path other) throws Exception {
        try (AttackNetwork brief =
                new AttackNetwork(other, Parameters.DEFAULT.with("retainMs", 500), 5_000, Level.FULL)) {
            LedgerClient paying = brief.ledger(brief.requester);
            Request request = brief.request(MESSAGES, prompt, MOST);
            Command.OpenEscrow escrow = new Command.OpenEscrow(
                    request.hash(), brief.honest.publicKey(), 2, prompt.length + MOST, Level.SIGNED);
            NodeClient asking = new NodeClient();
            Peer peer = brief.toHonest(asking.protocol());
            AttackNetwork.apply(paying, escrow);
            try (Inference inference = asking.infer(
                    peer, request, brief.requester, brief.model.config().vocab(), -1, chosen -> {})) {
                inference.await();
            }
            for (int i = 0; i < 600 && paying.findSettlement(request.hash()) != null; i++) {
                Thread.sleep(100);
            }
            AttackNetwork.apply(paying, escrow);
            // The first may be owed still, which says the same; then it is not, and the answer is known all the same.
            for (int i = 0; i < 3; i++) {
                try (Inference inference = asking.infer(
                        peer, request, brief.requester, brief.model.config().vocab(), -1, chosen -> {})) {
                    String why = assertThrows(IllegalArgumentException.class, inference::await)
                            .getMessage();
                    assertTrue(why.contains("answered before"), why);
                }
                Thread.sleep(5_000);
            }
        }
    }

    @Test
    void whatWillBeAskedInAYearIsNotAnsweredToday() throws Exception {
        Request later = new Request(
                network.model.id(),
                "",
                System.currentTimeMillis() / 1000 + 365 * 86_400,
                prompt,
                Sampling.GREEDY,
                MOST,
                network.model.stopTokens(),
                List.of(),
                network.requester.publicKey(),
                new byte[16]);
        escrow(later, network.honest, 2, prompt.length + MOST);
        assertTrue(refused(later).contains("says that it was asked at"), refused(later));
    }

    @Test
    void aPromptThatIsNotItsMessagesIsNotComputed() throws Exception {
        Request other = request("[{\"role\":\"user\",\"content\":\"Is the moon made of cheese?\"}]", network.requester);
        escrow(other, network.honest, 2, prompt.length + MOST);
        assertTrue(refused(other).contains("become"), refused(other));
        Request long1 = request("[" + " ".repeat(1 << 20) + "]", network.requester);
        assertTrue(refused(long1).contains("the messages have"), refused(long1));
    }

    /** Only the requester's signature ends an answer early; a cancelled answer is audited and paid for what it has. */
    @Test
    void aCancellationCountsOnlyWithTheRequestersSignature() throws Exception {
        Request request = request(MESSAGES, network.requester);
        escrow(request, network.honest, 2, prompt.length + MOST);
        Inference[] inference = new Inference[1];
        inference[0] = client.infer(
                node, request, KeyPair.random(), network.model.config().vocab(), -1, chosen -> {
                    if (inference[0] != null) {
                        inference[0].cancel();
                    }
                });
        try (Inference whole = inference[0]) {
            assertNull(whole.await().answer().cancellation());
        }
        Request cancelled = request(MESSAGES, network.requester);
        escrow(cancelled, network.honest, 2, prompt.length + MOST);
        try (Inference early = client.infer(
                node, cancelled, network.requester, network.model.config().vocab(), -1, chosen -> {})) {
            while (early.delivered().count() == 0) {
                Thread.onSpinWait();
            }
            early.cancel();
            NodeClient.Answered answer = early.await();
            Cancellation cancellation = answer.answer().cancellation();
            // A small model may have ended by itself before it heard.
            assertTrue(cancellation == null || cancellation.holds(cancelled));
            Settlement ended = network.ended(ledger, cancelled.hash(), 30_000);
            assertEquals(Status.SETTLED, ended.status(), ended.reasons().toString());
        }
    }
}
