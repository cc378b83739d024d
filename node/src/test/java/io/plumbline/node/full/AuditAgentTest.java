package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.AttackNetwork;
import io.plumbline.node.ClockedLedger;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LostException;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.agrona.concurrent.AgentRunner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditAgentTest {
    private static final Bytes32 MODEL = Bytes32.of(Blake3.hash(new byte[1]));
    private static final int DEAD = 32;
    private static final int CASES_OF_ONE = 4;
    private static final long STAKE = 10_000;

    @TempDir
    Path folder;

    /** Finds everything good, where the node is there. */
    private static AnswerAuditor without(Set<Bytes32> dead) {
        return new AnswerAuditor() {
            @Override
            public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked)
                    throws IOException {
                if (dead.contains(ordered.node())) {
                    throw new LostException("nobody is there");
                }
                return new Finding(null, new byte[32], null, false, null);
            }

            @Override
            public void close() {}
        };
    }

    @Test
    void nodesThatAreNotThereHoldUpNobodyElsesAudit() throws Exception {
        KeyPair full = KeyPair.random();
        KeyPair requester = KeyPair.random();
        KeyPair honest = KeyPair.random();
        List<KeyPair> dead = new ArrayList<>();
        List<Genesis.Deposit> deposits = new ArrayList<>();
        deposits.add(new Genesis.Deposit(requester.publicKey(), 1_000_000));
        deposits.add(new Genesis.Deposit(honest.publicKey(), 2 * STAKE));
        Set<Bytes32> deadKeys = new HashSet<>();
        for (int i = 0; i < DEAD; i++) {
            dead.add(KeyPair.random());
            deadKeys.add(dead.get(i).publicKey());
            deposits.add(new Genesis.Deposit(dead.get(i).publicKey(), 2 * STAKE));
        }
        Genesis genesis = new Genesis(List.of(full.publicKey()), STAKE, Bytes32.ZERO, deposits, Parameters.DEFAULT);
        MemorySequencer memory = new MemorySequencer(genesis, System.currentTimeMillis());
        ClockedLedger ledger = new ClockedLedger(memory);
        Events events = new Events(new PrintStream(OutputStream.nullOutputStream()));
        Media media = new Media(folder.resolve("media"), e -> {}, () -> {});
        Endpoint endpoint = new Endpoint(
                media.aeron(),
                "localhost",
                0,
                new Identity(full::sign, full.publicKey().bytes()),
                new NodeClient(5_000).protocol());
        AgentRunner runner = new AgentRunner(Drivers.idle(media.directory()), e -> {}, null, endpoint);
        AgentRunner.startOnThread(runner);
        AuditInbox inbox = new AuditInbox();
        synchronized (memory) {
            memory.join(inbox::onAudit);
        }
        AuditAgent audits = new AuditAgent(
                full.publicKey(),
                endpoint,
                new LedgerClient(ledger, full, genesis.hash()),
                node -> node,
                Map.of(MODEL.toString(), without(deadKeys)),
                new EvidenceFolder(folder.resolve("evidence"), EvidenceFolder.MOST_BYTES, null),
                new VerdictStore(folder.resolve("verdicts")),
                new RecentAudits(),
                events);
        LedgerClient paying = new LedgerClient(ledger, requester, genesis.hash());
        try {
            List<byte[]> silent = new ArrayList<>();
            for (KeyPair keys : dead) {
                LedgerClient of = register(ledger, genesis, keys);
                for (int i = 0; i < CASES_OF_ONE; i++) {
                    silent.add(answered(paying, of, keys, silent.size() + 1));
                }
            }
            Bytes32 request =
                    Bytes32.of(answered(paying, register(ledger, genesis, honest), honest, silent.size() + 1));
            inbox.deliverTo(audits);
            Settlement found = paying.findSettlement(request);
            for (int i = 0; i < 1_000 && found.isOpen(); i++) {
                Thread.sleep(50);
                found = paying.findSettlement(request);
            }
            assertEquals(Status.SETTLED, found.status());
            assertTrue(
                    paying.findSettlement(Bytes32.of(silent.getLast())).isOpen(),
                    "before the time of the others is over");
        } finally {
            audits.close();
            runner.close();
            media.close();
        }
    }

    private static LedgerClient register(Sequencer ledger, Genesis genesis, KeyPair keys) throws IOException {
        LedgerClient of = new LedgerClient(ledger, keys, genesis.hash());
        AttackNetwork.apply(of, new Command.RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9));
        return of;
    }

    private static byte[] answered(LedgerClient paying, LedgerClient node, KeyPair keys, int number)
            throws IOException {
        Bytes32 request = Bytes32.of(Blake3.hash(new byte[number]));
        byte[] any = new byte[32];
        AttackNetwork.apply(paying, new Command.OpenEscrow(request, keys.publicKey(), 1, 1, Level.SIGNED));
        Receipt receipt = new Receipt(1, MODEL, request, any, any, 1024, 1, 0, 1, null, null);
        AttackNetwork.apply(node, new Command.SubmitReceipt(receipt.sign(keys)));
        return request.bytes();
    }
}
