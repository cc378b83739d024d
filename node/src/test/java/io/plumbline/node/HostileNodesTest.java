package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.network.Deadline;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Inference nodes that lie to clients, or meddle with what others answer. */
@Tag("slow")
class HostileNodesTest {
    private static final String QUESTION = "Tell me a story about a clever fox.";

    @TempDir
    static Path folder;

    private static AttackNetwork network;

    @BeforeAll
    static void start() throws Exception {
        network = new AttackNetwork(folder, Parameters.DEFAULT, 5_000, Level.FULL);
    }

    @AfterAll
    static void stop() {
        network.close();
    }

    private static JsonNode plain(String more) throws Exception {
        return network.mapper.readTree(network.chat(QUESTION, 24, more).body());
    }

    /** It signs what the model answers, which every audit finds good, and streams something else. */
    @Test
    void aNodeThatStreamsAnotherAnswerThanItSignsIsNamedAndItsAnswerRefused() throws Exception {
        KeyPair keys = network.attackers.get(0);
        String[] lie = {"words"};
        network.register(keys, 20_000, 3, new ScriptedNode(network, keys, 3) {
            @Override
            int[] stream(Answer answer) {
                int[] tokens = answer.tokens().clone();
                return switch (lie[0]) {
                    case "words" -> {
                        tokens[3] = tokens[3] == 300 ? 301 : 300;
                        yield tokens;
                    }
                    case "less" -> Arrays.copyOf(tokens, tokens.length - 1);
                    case "nothing" -> new int[0];
                    case "more" -> Arrays.copyOf(tokens, tokens.length + 1);
                    default -> {
                        tokens[2] = Integer.MAX_VALUE;
                        yield tokens;
                    }
                };
            }
        });
        for (String one : new String[] {"words", "less", "nothing", "more", "no token of the model"}) {
            lie[0] = one;
            HttpResponse<String> plain = network.chat(QUESTION, 24, AttackNetwork.by(keys));
            assertEquals(503, plain.statusCode(), one + ": " + plain.body());
            assertFalse(plain.body().contains("choices"), plain.body());
            String stream = network.chat(QUESTION, 24, AttackNetwork.by(keys) + ",\"stream\":true")
                    .body();
            assertTrue(stream.contains("\"error\""), one + ": " + stream);
            assertFalse(stream.contains("\"finish_reason\":\"stop\""), stream);
            assertFalse(stream.contains("\"finish_reason\":\"length\""), stream);
            if (one.equals("words")) {
                assertTrue(plain.body().contains(keys.publicKey().toString()), "names the node: " + plain.body());
                assertTrue(plain.body().contains("from token 3 on"), plain.body());
            }
        }
    }

    @Test
    void logProbabilitiesAreMarkedAsTheNodesWordAlone() throws Exception {
        JsonNode with = plain(AttackNetwork.by(network.honest) + ",\"logprobs\":true");
        assertEquals("unverified", with.path("plumbline").path("logprobs").asText(), with.toString());
        assertTrue(plain(AttackNetwork.by(network.honest))
                .path("plumbline")
                .path("logprobs")
                .isMissingNode());
    }

    /** A call as a meddler has heard it: its peer, and the number that the peer gave it. */
    private record Heard(Peer peer, long id) {}

    /** Hears what it is asked, refuses it, and so has sessions with those that asked. */
    private static final class Meddler extends ScriptedNode {
        final BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();

        Meddler(KeyPair keys) throws Exception {
            super(network, keys, 4);
        }

        @Override
        public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
            heard.add(new Heard(from, id));
            Thread.startVirtualThread(() -> refuse(from, id, "no"));
        }
    }

    /** No escrow is put up that would only have to be given back, and a client's program is told what it can go by. */
    @Test
    void aBusyNodeIsLeftAloneForAMoment() throws Exception {
        KeyPair keys = network.attackers.get(2);
        Meddler busy = new Meddler(keys);
        network.register(keys, 20_000, 4, busy);
        HttpResponse<String> first = network.chat(QUESTION, 4, AttackNetwork.by(keys));
        HttpResponse<String> second = network.chat(QUESTION, 4, AttackNetwork.by(keys) + ",\"stream\":true");
        for (HttpResponse<String> answer : List.of(first, second)) {
            assertEquals(503, answer.statusCode(), answer.body());
            assertTrue(answer.body().contains("\"code\":\"overloaded\""), answer.body());
        }
        assertEquals(1, busy.heard.size(), "it was asked once");
        Thread.sleep(5_100);
        String stream = network.chat(QUESTION, 4, AttackNetwork.by(keys) + ",\"stream\":true")
                .body();
        assertEquals(2, busy.heard.size());
        assertTrue(stream.contains("\"code\":\"overloaded\""), stream);
    }

    /** It knows its own call's number and says something under that one and the next ones, as if it had been asked. */
    @Test
    void aNodeThatWasNotAskedWritesIntoNobodysAnswer() throws Exception {
        KeyPair keys = network.attackers.get(1);
        Meddler meddler = new Meddler(keys);
        network.register(keys, 20_000, 4, meddler);
        String right = AttackNetwork.text(plain(AttackNetwork.by(network.honest)));
        plain(AttackNetwork.by(keys));
        Heard heard = meddler.heard.poll(120, TimeUnit.SECONDS);
        assertNotNull(heard);
        AtomicBoolean goesOn = new AtomicBoolean(true);
        Thread meddling = Thread.startVirtualThread(() -> {
            while (goesOn.get()) {
                for (long next = 0; next <= 8; next++) {
                    ScriptedNode.token(heard.peer(), heard.id() + next, 300);
                    ScriptedNode.refuse(heard.peer(), heard.id() + next, "This node has forgotten it.");
                }
                Thread.onSpinWait();
            }
        });
        LedgerClient ledger = network.ledger(network.requester);
        for (int i = 0; i < 3; i++) {
            JsonNode answer = plain(AttackNetwork.by(network.honest));
            assertEquals(right, AttackNetwork.text(answer));
            Settlement found = network.ended(ledger, answer, 30_000);
            assertEquals(Status.SETTLED, found.status(), found.reasons().toString());
        }
        goesOn.set(false);
        meddling.join();
    }

    /** It seals openings and sends them byte by byte, each just in time: its own audits wait for it, and no others. */
    @Test
    void aNodeThatDripsItsOpeningsHoldsUpNoAuditsOfOthers() throws Exception {
        KeyPair keys = network.attackers.get(4);
        AtomicBoolean goesOn = new AtomicBoolean(true);
        ScriptedNode dripping = new ScriptedNode(network, keys, 5) {
            @Override
            void send(Peer to, long id, Seal seal, byte[] bytes) {
                seal(to, id, seal);
                Thread.startVirtualThread(() -> {
                    for (int at = 0; at < bytes.length && goesOn.get() && to.lost() == null; at++) {
                        chunk(to, id, at, new byte[] {bytes[at]});
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1_000));
                    }
                });
            }
        };
        network.register(keys, 20_000, 5, dripping);
        for (int i = 0; i < 6; i++) {
            assertEquals(200, network.chat(QUESTION, 4, AttackNetwork.by(keys)).statusCode());
        }
        long end = System.currentTimeMillis() + 120_000;
        while (dripping.challenges.isEmpty() && System.currentTimeMillis() < end) {
            Thread.sleep(20);
        }
        assertFalse(dripping.challenges.isEmpty());
        LedgerClient ledger = network.ledger(network.requester);
        for (int i = 0; i < 3; i++) {
            Settlement found = network.ended(ledger, plain(AttackNetwork.by(network.honest)), 15_000);
            assertEquals(Status.SETTLED, found.status(), "while another drips");
        }
        goesOn.set(false);
    }

    /** Its client names it, and without a limit the gateway would pay whatever its stake covers. */
    @Test
    void aDearNodeIsNotPaidHoweverItIsChosen() throws Exception {
        KeyPair keys = network.attackers.get(3);
        Meddler dear = new Meddler(keys);
        network.register(keys, 20_000, Terms.DEFAULT_MAX_PRICE + 1, dear);
        HttpResponse<String> answer = network.chat(QUESTION, 4, AttackNetwork.by(keys));
        assertEquals(503, answer.statusCode(), answer.body());
        assertTrue(answer.body().contains("asks more"), answer.body());
        assertEquals(0, dear.heard.size(), "no escrow was put up for it, and it was not asked");
    }

    /**
     * Strangers that know receipts have their answers run again, as their clients may: one after the other, so that
     * none is kept, with as many challenges as they like. What the node owes auditors does not wait for them.
     */
    @Test
    void strangersThatHaveAnswersRunAgainCostNoHonestNodeItsPay() throws Exception {
        List<byte[]> receipts = new ArrayList<>();
        int[] tokens = new int[3];
        for (int i = 0; i < 3; i++) {
            JsonNode answer = network.mapper.readTree(network.chat(QUESTION + i, 300, AttackNetwork.by(network.honest))
                    .body());
            Receipt receipt = Receipt.decode(HexFormat.of()
                    .parseHex(answer.path("plumbline").path("receipt").asText()));
            receipts.add(receipt.hash().bytes());
            tokens[i] = receipt.promptTokens() + receipt.outputTokens() - 1;
        }
        AtomicBoolean goesOn = new AtomicBoolean(true);
        LongAdder opened = new LongAdder();
        LongAdder turnedAway = new LongAdder();
        List<Thread> strangers = new ArrayList<>();
        for (int s = 0; s < 4; s++) {
            NodeClient client = new NodeClient();
            Endpoint endpoint = network.endpoint(KeyPair.random(), client.protocol());
            Peer node = endpoint.connect(
                    "localhost",
                    network.honestPort(),
                    network.honest.publicKey().bytes());
            for (int k = 0; k < 6; k++) {
                int first = s + k;
                strangers.add(Thread.startVirtualThread(() -> {
                    for (int i = first; goesOn.get(); i++) {
                        Cell cell = new Cell(i % 2, tokens[i % 3] - 1, tokens[i % 3]);
                        try (Opening _ = client.openings(node, Bytes32.of(receipts.get(i % 3)), Deadline.after(20_000))
                                .open(cell)) {
                            opened.increment();
                        } catch (IOException | RuntimeException e) {
                            turnedAway.increment();
                        }
                    }
                }));
            }
        }
        LedgerClient ledger = network.ledger(network.requester);
        for (int i = 0; i < 4; i++) {
            Settlement found = network.ended(ledger, plain(AttackNetwork.by(network.honest)), 30_000);
            assertEquals(Status.SETTLED, found.status(), found.reasons().toString());
        }
        goesOn.set(false);
        for (Thread stranger : strangers) {
            stranger.join();
        }
        assertTrue(opened.sum() > 0, "a client may see what stands behind its receipt");
        assertTrue(turnedAway.sum() > 0, "but not as much as it likes");
    }

    /** The client is shown a lower price than the ledger: the gateway, which holds both receipts, hands one in. */
    @Test
    void aNodeThatHandsInAnotherReceiptThanItShowsLosesItsStake(@TempDir Path other) throws Exception {
        try (AttackNetwork alone = new AttackNetwork(other, Parameters.DEFAULT, 5_000, Level.SIGNED)) {
            KeyPair keys = alone.attackers.get(0);
            alone.register(keys, 20_000, 3, ScriptedNode.handingInALowerPrice(alone, keys, 3));
            HttpResponse<String> answer = alone.chat(QUESTION, 4, AttackNetwork.by(keys));
            assertEquals(200, answer.statusCode(), answer.body());
            LedgerClient ledger = alone.ledger(KeyPair.random());
            for (int i = 0; i < 300 && ledger.account(keys.publicKey()).stake() > 0; i++) {
                Thread.sleep(100);
            }
            assertEquals(0, ledger.account(keys.publicKey()).stake(), alone.heard());
            Settlement found = alone.ended(ledger, alone.mapper.readTree(answer.body()), 1);
            assertEquals(Status.SLASHED, found.status());
            for (int i = 0; i < 300 && !alone.heard().contains("\"accused\""); i++) {
                Thread.sleep(100);
            }
            assertTrue(alone.heard().contains("\"accused\""), "once it is certified: " + alone.heard());
        }
    }

    /** Refuses requests that hold a word, and hears all. */
    private static class Refusing extends ScriptedNode {
        final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        private final String word;

        Refusing(AttackNetwork network, KeyPair keys, long price, String word) throws IOException {
            super(network, keys, price);
            this.word = word;
        }

        @Override
        public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
            String messages = Request.decode(bytes).messages();
            heard.add(messages);
            if (messages.contains(word)) {
                Thread.startVirtualThread(() -> refuse(from, id, "The request does not hold: " + word + ".", 0));
            } else {
                super.infer(from, id, bytes, topLogprobs);
            }
        }
    }

    private static void answeredBy(KeyPair node, AttackNetwork of, String question) throws Exception {
        HttpResponse<String> answer = of.chat(question, 4, "");
        assertEquals(200, answer.statusCode(), answer.body());
        assertEquals(
                node.publicKey().toString(),
                of.mapper.readTree(answer.body()).path("plumbline").path("node").asText(),
                answer.body());
    }

    @Test
    void aClientSteersNoOneAwayFromANodeByRequestsThatItRefuses(@TempDir Path other) throws Exception {
        try (AttackNetwork alone = new AttackNetwork(other, Parameters.DEFAULT, 5_000, Level.SIGNED)) {
            KeyPair cheap = alone.attackers.get(0);
            alone.register(cheap, 20_000, 1, new Refusing(alone, cheap, 1, "poison"));
            answeredBy(cheap, alone, "Who is there?");
            for (int i = 0; i < 3; i++) {
                answeredBy(alone.honest, alone, "Here is poison.");
                answeredBy(cheap, alone, "Who is there?");
            }
            // One that answers nothing is not asked first for long.
            KeyPair idle = alone.attackers.get(1);
            Refusing all = new Refusing(alone, idle, 0, "");
            alone.register(idle, 20_000, 0, all);
            for (int i = 0; i < 3; i++) {
                answeredBy(cheap, alone, "Who is there?");
            }
            assertEquals(1, all.heard.size());
        }
    }

    /** It is the cheapest, and nothing listens at its address. */
    @Test
    void aCheapNodeThatIsDeadIsLeftForTheNextOneAtOnce() throws Exception {
        KeyPair keys = network.attackers.get(5);
        AttackNetwork.apply(
                network.ledger(keys), new Command.RegisterNode(20_000, network.model.id(), 0, "127.0.0.1", 9));
        for (int i = 0; i < 2; i++) {
            long begin = System.nanoTime();
            HttpResponse<String> answer = network.chat(QUESTION, 8, "");
            assertEquals(200, answer.statusCode(), answer.body());
            long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            assertTrue(ms < 8_000, "answered after " + ms + " ms");
        }
        // Nobody waits for it any more, but it is remembered once it has not answered in its time.
        long end = System.currentTimeMillis() + 120_000;
        while (!network.heard().contains("\"left-out\"") && System.currentTimeMillis() < end) {
            Thread.sleep(20);
        }
        assertTrue(network.heard().contains("\"left-out\""));
    }
}
