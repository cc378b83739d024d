package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A node that gave two receipts loses its stake by them, whichever full node is told first. */
class DoubleReceiptsTest {
    private static final long PRICE = 2;
    private static final Bytes32 MODEL = Bytes32.of(filled(7));
    private static final Bytes32 REQUEST = Bytes32.of(filled(10));
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
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private final Ingresses ingresses = new Ingresses();
    private final LedgerClient ledger = new LedgerClient(ingresses, GATEWAY, GENESIS.hash());
    private final DoubleReceipts doubles = new DoubleReceipts(
            new CertifiedSettlements(ledger, GENESIS),
            new Events(new PrintStream(told, true, StandardCharsets.UTF_8)),
            1);

    /** What the first full node makes of a report, which it passes to nobody. */
    private enum Lie {
        REFUSED,
        APPLIED,
        SILENT
    }

    /** Three full nodes, of which the first two lie. */
    private final class Ingresses implements Sequencer {
        private Lie lie;
        private int asked;
        private final ThreadLocal<Integer> answered = ThreadLocal.withInitial(() -> 0);

        @Override
        public synchronized Answer submit(byte[] signed) throws IOException {
            answered.set(asked);
            if (lie != null && asked < 2) {
                if (lie == Lie.SILENT) {
                    throw new IOException("The ledger does not answer.");
                }
                String reason = lie == Lie.REFUSED ? "this answer was proven false already" : null;
                return new Answer(1, order.timeMs(), Collections.singletonList(reason));
            }
            Answer answer = order.submit(signed);
            certify();
            return answer;
        }

        @Override
        public synchronized byte[] ask(Query query, byte[] key) {
            answered.set(asked);
            return order.ask(query, key);
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
            return 3;
        }

        @Override
        public synchronized void prefer(int one, int over) {
            asked = asked == over ? one : asked;
        }

        @Override
        public synchronized void distrust(int one) {
            asked = asked == one ? (one + 1) % 3 : asked;
        }

        @Override
        public long timeMs() {
            return order.timeMs();
        }

        @Override
        public void close() {}
    }

    private static byte[] filled(int value) {
        byte[] bytes = new byte[32];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private static Receipt receipt(long price) {
        return new Receipt(1, MODEL, REQUEST, filled(2), filled(3), 1_000_000, 10, 20, price, null, null).sign(NODE);
    }

    private void certify() {
        order.advance(60);
        BlockHeader open = order.state(0).blocks().open();
        if (open != null) {
            byte[] signature = FULL.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
            Command vote = new Command.CastVote(FULL.publicKey(), 0, open.number(), open.hash(), signature);
            order.submit(Signed.of(GENESIS.hash(), FULL, order.timeMs() + 60_000, vote)
                    .encode());
        }
    }

    private void apply(KeyPair by, Command command) throws IOException {
        LedgerClient client = new LedgerClient(ingresses, by, GENESIS.hash());
        LedgerClient.Outcome outcome = client.submit(command);
        assertTrue(outcome.isApplied(), outcome.reason());
    }

    @BeforeEach
    void start() throws IOException {
        order.join(new Replica.Listener() {
            @Override
            public void onAudit(Settlement changed, Node by) {}

            @Override
            public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}
        });
        apply(NODE, new Command.RegisterNode(50_000, MODEL, PRICE, "127.0.0.1", 9100));
        apply(GATEWAY, new Command.OpenEscrow(REQUEST, NODE.publicKey(), PRICE, 100, Level.SIGNED));
        apply(NODE, new Command.SubmitReceipt(receipt(30 * PRICE)));
    }

    private void report(Lie lie) throws InterruptedException {
        ingresses.lie = lie;
        doubles.report(receipt(30 * PRICE - 1));
        doubles.report(receipt(30 * PRICE - 1));
        for (int i = 0; i < 1_000 && told.size() == 0; i++) {
            Thread.sleep(10);
        }
    }

    private void assertTaken() {
        synchronized (ingresses) {
            assertEquals(0, order.state(0).account(NODE.publicKey()).stake());
        }
        assertTrue(told.toString().contains("\"accused\""), told.toString());
        assertFalse(told.toString().contains("proven false"), told.toString());
    }

    @Test
    void aRefusalOfOneFullNodeOrTwoKeepsNoNodeItsStake() throws Exception {
        report(Lie.REFUSED);
        assertTaken();
    }

    @Test
    void aReportThatAFullNodePassesToNobodyIsToldToTheNext() throws Exception {
        report(Lie.APPLIED);
        assertTaken();
    }

    @Test
    void aReportThatIsNotAnsweredIsToldAgain() throws Exception {
        report(Lie.SILENT);
        assertTaken();
    }

    @Test
    void whereNobodyLiesItIsToldOnce() throws Exception {
        report(null);
        assertTaken();
        assertEquals(1, told.toString().lines().count(), told.toString());
    }
}
