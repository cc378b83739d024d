package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The cost of requests that nodes gave no answer to, by a ledger's real state machine. */
class UnsettledRequestsTest {
    private static final long PRICE = 2;
    private static final int TOKENS = 100;
    private static final Bytes32 MODEL = Bytes32.of(filled(7));
    private static final KeyPair FULL = KeyPair.random();
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final KeyPair NODE = KeyPair.random();
    private static final Genesis GENESIS = new Genesis(
            List.of(FULL.publicKey()),
            10_000,
            Bytes32.ZERO,
            List.of(new Genesis.Deposit(GATEWAY.publicKey(), 100_000), new Genesis.Deposit(NODE.publicKey(), 100_000)),
            Parameters.DEFAULT);

    private final MemorySequencer order = new MemorySequencer(GENESIS, 1_000_000);
    private final LedgerClient ledger = new LedgerClient(order, GATEWAY, GENESIS.hash());
    private final LedgerClient full = new LedgerClient(order, FULL, GENESIS.hash());
    private final LedgerClient node = new LedgerClient(order, NODE, GENESIS.hash());
    private final UnsettledRequests requests =
            new UnsettledRequests(new CertifiedSettlements(ledger, GENESIS), order::timeMs);

    private static byte[] filled(int value) {
        byte[] bytes = new byte[32];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    @BeforeEach
    void start() throws IOException {
        order.join(new Replica.Listener() {
            @Override
            public void onAudit(Settlement changed, Node by) {}

            @Override
            public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}
        });
        applied(node, new Command.RegisterNode(50_000, MODEL, PRICE, "127.0.0.1", 9100));
    }

    private void applied(LedgerClient by, Command command) throws IOException {
        LedgerClient.Outcome outcome = by.submit(command);
        assertTrue(outcome.isApplied(), outcome.reason());
        certify();
    }

    private void certify() throws IOException {
        order.advance(60);
        BlockHeader open = order.state(0).blocks().open();
        if (open != null) {
            byte[] signature = FULL.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
            Command vote = new Command.CastVote(FULL.publicKey(), 0, open.number(), open.hash(), signature);
            order.submit(Signed.of(GENESIS.hash(), FULL, order.timeMs() + 60_000, vote)
                    .encode());
        }
    }

    private void escrow(Bytes32 request) throws IOException {
        applied(ledger, new Command.OpenEscrow(request, NODE.publicKey(), PRICE, TOKENS, Level.SIGNED));
    }

    private static Receipt receipt(Bytes32 request) {
        return new Receipt(1, MODEL, request, filled(2), filled(3), 1_000_000, 10, 20, 30 * PRICE, null, null)
                .sign(NODE);
    }

    private CompletableFuture<Long> looked(Bytes32 request) throws IOException {
        CompletableFuture<Long> cost = requests.cost(request);
        for (int i = 0; i < 3; i++) {
            certify();
            requests.look();
        }
        return cost;
    }

    @Test
    void aNodeThatHandsItsReceiptInAllTheSameCostsWhatItIsPaid() throws Exception {
        escrow(Bytes32.of(filled(10)));
        assertFalse(looked(Bytes32.of(filled(10))).isDone(), "it may still hand one in");
        applied(node, new Command.SubmitReceipt(receipt(Bytes32.of(filled(10)))));
        assertFalse(looked(Bytes32.of(filled(10))).isDone(), "it may still be found bad");
        Verdict good = new Verdict(Verdict.Opinion.GOOD, "", "", new byte[32], new byte[32]);
        applied(
                full,
                new Command.CommitVerdict(
                        Bytes32.of(filled(10)), 0, good.commitment(Bytes32.of(filled(10)), 0, FULL.publicKey())));
        applied(full, new Command.RevealVerdict(Bytes32.of(filled(10)), good));
        assertEquals(30 * PRICE, looked(Bytes32.of(filled(10))).getNow(-1L));
    }

    @Test
    void aRequestThatEndsWithoutAReceiptCostsNothing() throws Exception {
        escrow(Bytes32.of(filled(11)));
        assertFalse(looked(Bytes32.of(filled(11))).isDone());
        applied(node, new Command.DeclineEscrow(Bytes32.of(filled(11))));
        assertEquals(0, looked(Bytes32.of(filled(11))).getNow(-1L));
    }

    /** Blocks from before the escrow show that there is none: a full node that lies, or is behind, has such blocks. */
    @Test
    void oneThatNoBlockShowsCostsNothingOnceABlockIsSurelyLater() throws Exception {
        CompletableFuture<Long> unknown = requests.cost(Bytes32.of(filled(12)));
        for (int i = 13; i < 17; i++) {
            escrow(Bytes32.of(filled(i)));
            requests.look();
        }
        assertFalse(unknown.isDone(), "it may be on its way");
        order.advance(180_000);
        escrow(Bytes32.of(filled(17)));
        escrow(Bytes32.of(filled(18)));
        requests.look();
        assertEquals(0, unknown.getNow(-1L));
    }

    /** A full node that lies, or that replays its log, shows blocks from before the escrow. */
    @Test
    void blocksFromBeforeTheEscrowFreeNothing() throws Exception {
        Bytes32 hash = Bytes32.of(filled(10));
        List<CertifiedEntry> shown = new ArrayList<>();
        for (int i = 20; i < 24; i++) {
            escrow(Bytes32.of(filled(i)));
            shown.add(ledger.prove(Kind.SETTLEMENT, hash));
        }
        escrow(hash);
        CompletableFuture<Long> cost = requests.cost(hash);
        shown.forEach(old -> assertNull(requests.cost(hash, old)));
        requests.look();
        shown.forEach(old -> assertNull(requests.cost(hash, old), "it was shown before"));
        assertFalse(cost.isDone());
    }

    @Test
    void whereTooManyAreFollowedAllThatIsHeldIsCharged() {
        for (int i = 0; i < UnsettledRequests.MAX_FOLLOWED; i++) {
            assertFalse(requests.cost(new Bytes32(i, 0, 0, 0)).isDone());
        }
        assertFalse(requests.cost(Bytes32.of(filled(0))).isDone(), "one that is followed");
        assertEquals(Long.MAX_VALUE, requests.cost(Bytes32.of(filled(9))).getNow(-1L));
    }
}
