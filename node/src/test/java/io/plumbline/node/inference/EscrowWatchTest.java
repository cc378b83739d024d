package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.AttackNetwork;
import io.plumbline.node.ClockedLedger;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import org.junit.jupiter.api.Test;

class EscrowWatchTest {
    private static final Bytes32 MODEL = Bytes32.of(Blake3.hash(new byte[1]));
    private static final Bytes32 UNUSED = Bytes32.of(Blake3.hash(new byte[2]));
    private static final Bytes32 BEGUN = Bytes32.of(Blake3.hash(new byte[3]));

    @Test
    void whatNoRequestCameForIsGivenBackAndNothingElse() throws Exception {
        KeyPair full = KeyPair.random();
        KeyPair requester = KeyPair.random();
        KeyPair node = KeyPair.random();
        Genesis genesis = new Genesis(
                List.of(full.publicKey()),
                List.of(
                        new Genesis.Deposit(requester.publicKey(), 1_000),
                        new Genesis.Deposit(node.publicKey(), 100_000)));
        MemorySequencer memory = new MemorySequencer(genesis, System.currentTimeMillis());
        ClockedLedger ledger = new ClockedLedger(memory);
        memory.join((changed, of) -> {});
        LedgerClient paying = new LedgerClient(ledger, requester, genesis.hash());
        LedgerClient nodes = new LedgerClient(ledger, node, genesis.hash());
        AttackNetwork.apply(nodes, new Command.RegisterNode(50_000, MODEL, 1, "127.0.0.1", 9));
        long before = paying.account(requester.publicKey()).balance();
        for (Bytes32 request : List.of(UNUSED, BEGUN)) {
            AttackNetwork.apply(paying, new Command.OpenEscrow(request, node.publicKey(), 1, 10, Level.SIGNED));
        }
        EscrowWatch.Claims claims = new EscrowWatch.Claims() {
            @Override
            public boolean claim(Bytes32 requestHash) {
                return !requestHash.equals(BEGUN);
            }

            @Override
            public void over(Bytes32 requestHash) {}
        };
        Events events = new Events(new PrintStream(OutputStream.nullOutputStream()));
        EscrowWatch watch =
                new EscrowWatch(new CertifiedSettlements(nodes, genesis), node.publicKey(), claims, events, 10, 50);
        try {
            Thread.sleep(200);
            assertEquals(Status.ESCROWED, paying.findSettlement(UNUSED).status(), "one full node's word is not enough");
            synchronized (memory) {
                memory.advance(1_000);
                BlockHeader open = memory.state(0).blocks().open();
                byte[] signature = full.sign(Certificate.message(genesis.hash(), 0, open.number(), open.hash()));
                AttackNetwork.apply(
                        new LedgerClient(memory, full, genesis.hash()),
                        new Command.CastVote(full.publicKey(), 0, open.number(), open.hash(), signature));
            }
            for (int i = 0; i < 1_000 && paying.findSettlement(UNUSED).isOpen(); i++) {
                Thread.sleep(10);
            }
        } finally {
            watch.close();
        }
        assertEquals(Status.REFUNDED, paying.findSettlement(UNUSED).status());
        assertEquals(Status.ESCROWED, paying.findSettlement(BEGUN).status());
        assertTrue(paying.account(requester.publicKey()).balance() < before);
        assertEquals(1, paying.escrows(node.publicKey()).size());
    }
}
