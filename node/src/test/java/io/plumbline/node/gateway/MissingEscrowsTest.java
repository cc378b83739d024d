package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Of a full node and a node that say the contrary of an escrow, a quorum's word tells which is wrong. */
class MissingEscrowsTest {
    private static final int SAID_SO = 3;
    private static final Bytes32 REQUEST = Bytes32.of(Blake3.hash(new byte[] {1}));
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
    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    private final Sequencer asked = new Sequencer() {
        @Override
        public synchronized Answer submit(byte[] signed) {
            return order.submit(signed);
        }

        @Override
        public synchronized byte[] ask(Query query, byte[] key) {
            return order.ask(query, key);
        }

        @Override
        public void distrust(int one) {
            told.add("full node " + one);
        }

        @Override
        public long timeMs() {
            return order.timeMs();
        }

        @Override
        public void close() {}
    };
    private final MissingEscrows missing =
            new MissingEscrows(new CertifiedSettlements(new LedgerClient(asked, GATEWAY, GENESIS.hash()), GENESIS), 1);

    private void apply(KeyPair by, Command command) throws Exception {
        LedgerClient.Outcome outcome = new LedgerClient(asked, by, GENESIS.hash()).submit(command);
        assertTrue(outcome.isApplied(), outcome.reason());
    }

    private void certify() {
        order.advance(60);
        BlockHeader open = order.state(0).blocks().open();
        byte[] signature = FULL.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
        Command vote = new Command.CastVote(FULL.publicKey(), 0, open.number(), open.hash(), signature);
        order.submit(
                Signed.of(GENESIS.hash(), FULL, order.timeMs() + 60_000, vote).encode());
    }

    private String looked(Bytes32 request) throws InterruptedException {
        missing.look(request, SAID_SO, () -> told.add("node"));
        return told.poll(120, TimeUnit.SECONDS);
    }

    @Test
    void theOneThatAQuorumRefutesIsToBlame() throws Exception {
        order.join(new Replica.Listener() {
            @Override
            public void onAudit(Settlement changed, Node by) {}

            @Override
            public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}
        });
        apply(NODE, new Command.RegisterNode(50_000, Bytes32.ZERO, 2, "127.0.0.1", 9100));
        apply(GATEWAY, new Command.OpenEscrow(REQUEST, NODE.publicKey(), 2, 100, Level.SIGNED));
        assertEquals("full node " + SAID_SO, looked(REQUEST), "nothing was certified yet");
        certify();
        assertEquals("node", looked(REQUEST));
        assertEquals("full node " + SAID_SO, looked(Bytes32.of(Blake3.hash(new byte[] {2}))));
    }
}
