package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.gateway.Terms;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway that asks a second node where the first gives no token, on a network with a node that may hang. */
@Tag("slow")
class HedgingTest {
    private static final String QUESTION = "Tell me a story about a clever fox.";

    /** Longer than a node that works needs for a token. */
    private static final long HEDGE_MS = 1_500;

    /** Below that of the honest node: it is asked first. */
    private static final long CHEAP = 1;

    @TempDir
    static Path folder;

    private static AttackNetwork network;
    private static KeyPair keys;
    private static Hanging hanging;

    /** A call that was heard. */
    private record Heard(Peer peer, long id, Request request) {}

    /** Answers, or says nothing until it is told to. */
    private static final class Hanging extends ScriptedNode {
        final BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();
        final BlockingQueue<Cancellation> cancelled = new LinkedBlockingQueue<>();
        private volatile boolean hangs;

        Hanging() throws Exception {
            super(network, keys, CHEAP);
        }

        @Override
        public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
            Heard call = new Heard(from, id, Request.decode(bytes));
            heard.add(call);
            if (!hangs) {
                answer(call);
            }
        }

        void answer(Heard call) {
            super.infer(call.peer(), call.id(), call.request().encode(), -1);
        }

        /** For the next test. */
        void hangs(boolean from) {
            hangs = from;
            heard.clear();
            cancelled.clear();
        }

        @Override
        public void cancel(Peer from, long id, Cancellation cancellation) {
            cancelled.add(cancellation);
        }
    }

    @BeforeAll
    static void start() throws Exception {
        network = new AttackNetwork(
                folder, Parameters.DEFAULT, 5_000, Terms.at(Level.FULL).hedged(HEDGE_MS));
        keys = network.attackers.getFirst();
        hanging = new Hanging();
        network.register(keys, 50_000, CHEAP, hanging);
    }

    @AfterAll
    static void stop() {
        network.close();
    }

    private static String key(KeyPair of) {
        return of.publicKey().toString();
    }

    private static Heard heard() throws InterruptedException {
        Heard call = hanging.heard.poll(120, TimeUnit.SECONDS);
        assertNotNull(call, "the cheaper node is asked first");
        return call;
    }

    @Test
    void theFirstTokenAnswersAndTheOtherNodeIsToldToEndAndGivesItsEscrowBack() throws Exception {
        hanging.hangs(true);
        LedgerClient ledger = network.ledger(network.requester);
        HttpResponse<String> response = network.chat(QUESTION, 24, "");
        assertEquals(200, response.statusCode(), response.body());
        JsonNode answer = network.mapper.readTree(response.body());
        JsonNode extension = answer.path("plumbline");
        assertEquals(key(network.honest), extension.path("node").asText());
        Heard slow = heard();
        assertFalse(extension
                .path("request_hash")
                .asText()
                .equals(slow.request().hash().toString()));
        Cancellation cancellation;
        do {
            // One of an earlier test may come late.
            cancellation = hanging.cancelled.poll(120, TimeUnit.SECONDS);
            assertNotNull(cancellation, "signed, for the request that it was asked");
        } while (!cancellation.holds(slow.request()));
        assertEquals(0, cancellation.delivered());
        Settlement bought = network.ended(ledger, answer, 30_000);
        assertEquals(Status.SETTLED, bought.status(), bought.reasons().toString());
        assertEquals(extension.path("price").asLong(), bought.receipt().price());
        // As a node does whose request is cancelled before its first token.
        Settlement open = ledger.findSettlement(slow.request().hash());
        assertEquals(Status.ESCROWED, open.status());
        long before = ledger.account(network.requester.publicKey()).balance();
        assertTrue(network.ledger(keys).declineEscrow(slow.request().hash()).isApplied());
        long end = System.currentTimeMillis() + 120_000;
        long after = before;
        while (after < before + open.escrow() && System.currentTimeMillis() < end) {
            Thread.sleep(50);
            after = ledger.account(network.requester.publicKey()).balance();
        }
        assertTrue(after >= before + open.escrow(), "all that was put up for it is back: " + before + ", " + after);
    }

    @Test
    void aStreamIsOneAnswerWhateverTheOtherNodeSaysLater() throws Exception {
        hanging.hangs(true);
        String whole = AttackNetwork.text(network.mapper.readTree(
                network.chat(QUESTION, 24, AttackNetwork.by(network.honest)).body()));
        Thread late = Thread.startVirtualThread(() -> {
            try {
                Heard call = heard();
                hanging.cancelled.poll(120, TimeUnit.SECONDS);
                for (int i = 0; i < 5; i++) {
                    ScriptedNode.token(call.peer(), call.id(), 300);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        String stream = network.chat(QUESTION, 24, ",\"stream\":true").body();
        late.join();
        StringBuilder text = new StringBuilder();
        String receipts = "";
        String lastNamed = "";
        for (String line :
                stream.lines().filter(one -> one.startsWith("data: {")).toList()) {
            JsonNode event = network.mapper.readTree(line.substring(6));
            text.append(
                    event.path("choices").path(0).path("delta").path("content").asText(""));
            JsonNode extension = event.path("plumbline");
            lastNamed = extension.path("request_hash").asText(lastNamed);
            receipts += extension.has("receipt") ? extension.path("node").asText() : "";
        }
        assertEquals(whole, text.toString());
        assertEquals(key(network.honest), receipts, "one receipt");
        assertFalse(lastNamed.isEmpty());
        assertTrue(stream.endsWith("data: [DONE]\n\n"), stream);
    }

    @Test
    void aNodeThatAnswersInTimeIsTheOnlyOneAsked() throws Exception {
        hanging.hangs(false);
        JsonNode answer = network.mapper.readTree(network.chat(QUESTION, 24, "").body());
        assertEquals(key(keys), answer.path("plumbline").path("node").asText(), answer.toString());
        heard();
        assertTrue(hanging.cancelled.isEmpty());
    }

    @Test
    void aNodeThatIsNamedIsAskedAloneHoweverLongItTakes() throws Exception {
        hanging.hangs(true);
        Thread answering = Thread.startVirtualThread(() -> {
            try {
                Heard call = heard();
                Thread.sleep(2 * HEDGE_MS);
                hanging.answer(call);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        HttpResponse<String> response = network.chat(QUESTION, 24, AttackNetwork.by(keys));
        answering.join();
        assertEquals(200, response.statusCode(), response.body());
        assertTrue(hanging.cancelled.isEmpty());
    }
}
