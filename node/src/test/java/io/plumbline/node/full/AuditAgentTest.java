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
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.AttackNetwork;
import io.plumbline.node.ClockedLedger;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LostException;
import io.plumbline.node.network.RefusedException;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
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

    /** A ledger of one full node that audits, with whatever auditor it is given. */
    private final class Auditing implements AutoCloseable {
        private final KeyPair full = KeyPair.random();
        private final KeyPair requester = KeyPair.random();
        private final Genesis genesis;
        private final ClockedLedger ledger;
        private final LedgerClient paying;
        private final Media media = new Media(folder.resolve("media"), e -> {}, () -> {});
        private final AuditInbox inbox = new AuditInbox();
        private final AgentRunner runner;
        private final AuditAgent audits;

        Auditing(Parameters parameters, List<KeyPair> nodes, AnswerAuditor auditor) throws IOException {
            this(parameters, nodes, auditor, ledger -> ledger);
        }

        /** @param reached how the auditor reaches the ledger. */
        Auditing(Parameters parameters, List<KeyPair> nodes, AnswerAuditor auditor, UnaryOperator<Sequencer> reached)
                throws IOException {
            List<Genesis.Deposit> deposits = new ArrayList<>();
            deposits.add(new Genesis.Deposit(requester.publicKey(), 1_000_000));
            nodes.forEach(keys -> deposits.add(new Genesis.Deposit(keys.publicKey(), 2 * STAKE)));
            genesis = new Genesis(List.of(full.publicKey()), STAKE, Bytes32.ZERO, deposits, parameters);
            MemorySequencer memory = new MemorySequencer(genesis, System.currentTimeMillis());
            ledger = new ClockedLedger(memory);
            paying = new LedgerClient(ledger, requester, genesis.hash());
            Endpoint endpoint = new Endpoint(
                    media.aeron(),
                    "localhost",
                    0,
                    new Identity(full::sign, full.publicKey().bytes()),
                    new NodeClient(5_000).protocol());
            runner = new AgentRunner(Drivers.idle(media.directory()), e -> {}, null, endpoint);
            AgentRunner.startOnThread(runner);
            synchronized (memory) {
                memory.join(inbox::onAudit);
            }
            audits = new AuditAgent(
                    full.publicKey(),
                    endpoint,
                    new LedgerClient(reached.apply(ledger), full, genesis.hash()),
                    node -> node,
                    Map.of(MODEL.toString(), auditor),
                    new EvidenceFolder(folder.resolve("evidence"), EvidenceFolder.MOST_BYTES, null),
                    new VerdictStore(folder.resolve("verdicts")),
                    new RecentAudits(),
                    new Events(new PrintStream(OutputStream.nullOutputStream())));
        }

        LedgerClient register(KeyPair keys) throws IOException {
            return AuditAgentTest.register(ledger, genesis, keys);
        }

        /** The settlement of a request once it is over. */
        Settlement ended(Bytes32 request) throws Exception {
            Settlement found = paying.findSettlement(request);
            for (int i = 0; i < 1_000 && found.isOpen(); i++) {
                Thread.sleep(50);
                found = paying.findSettlement(request);
            }
            return found;
        }

        @Override
        public void close() {
            audits.close();
            runner.close();
            media.close();
        }
    }

    @Test
    void nodesThatAreNotThereHoldUpNobodyElsesAudit() throws Exception {
        KeyPair honest = KeyPair.random();
        List<KeyPair> all =
                new ArrayList<>(Stream.generate(KeyPair::random).limit(DEAD).toList());
        List<KeyPair> dead = List.copyOf(all);
        Set<Bytes32> deadKeys = new HashSet<>();
        dead.forEach(keys -> deadKeys.add(keys.publicKey()));
        all.add(honest);
        try (Auditing auditing = new Auditing(Parameters.DEFAULT, all, without(deadKeys))) {
            List<byte[]> silent = new ArrayList<>();
            for (KeyPair keys : dead) {
                LedgerClient of = auditing.register(keys);
                for (int i = 0; i < CASES_OF_ONE; i++) {
                    silent.add(answered(auditing.paying, of, keys, silent.size() + 1));
                }
            }
            Bytes32 request =
                    Bytes32.of(answered(auditing.paying, auditing.register(honest), honest, silent.size() + 1));
            auditing.inbox.deliverTo(auditing.audits);
            assertEquals(Status.SETTLED, auditing.ended(request).status());
            assertTrue(
                    auditing.paying.findSettlement(Bytes32.of(silent.getLast())).isOpen(),
                    "before the time of the others is over");
        }
    }

    /**
     * A node that says at every cell that it is busy, until so little time is left that the last try is given up before
     * it: that it did not open the cell is its silence, and all auditors ask for it.
     */
    @Test
    void aNodeThatIsBusyUntilTheTimeIsOverWasSilent() throws Exception {
        KeyPair busy = KeyPair.random();
        Cell cell = new Cell(1, 0, 1);
        AnswerAuditor auditor = new AnswerAuditor() {
            @Override
            public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked)
                    throws IOException {
                if (deadline.leftNs() < LEAST_NS) {
                    throw new UnjudgeableException(new IOException("too little time left"));
                }
                asked.begin(2);
                asked.add(cell);
                // As long as a node may take to say so.
                LockSupport.parkNanos(LEAST_NS);
                throw new BusyException("busy");
            }

            @Override
            public void close() {}
        };
        try (Auditing auditing = new Auditing(Parameters.DEFAULT.with("commitMs=9000"), List.of(busy), auditor)) {
            Bytes32 request = Bytes32.of(answered(auditing.paying, auditing.register(busy), busy, 1));
            auditing.inbox.deliverTo(auditing.audits);
            Settlement ended = auditing.ended(request);
            assertEquals(Status.REFUNDED, ended.status());
            assertEquals(List.of(cell), ended.audit().postedCells());
            assertEquals(1, ended.audit().silence());
        }
    }

    /** Whatever a client has asked that an auditor stumbles over: the node was silent only where it says no. */
    @Test
    void whatThisHostStumblesOverIsNoSilence() throws Exception {
        for (RuntimeException why : List.of(
                new RefusedException("never"),
                new AnswerTooLargeException("too large"),
                new IllegalArgumentException("a request of which nobody has thought"))) {
            KeyPair node = KeyPair.random();
            AnswerAuditor auditor = new AnswerAuditor() {
                @Override
                public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) {
                    throw why;
                }

                @Override
                public void close() {}
            };
            try (Auditing auditing = new Auditing(Parameters.DEFAULT.with("commitMs=9000"), List.of(node), auditor)) {
                Bytes32 request = Bytes32.of(answered(auditing.paying, auditing.register(node), node, 1));
                auditing.inbox.deliverTo(auditing.audits);
                Settlement ended = auditing.ended(request);
                boolean isNodes = why.getClass() != IllegalArgumentException.class;
                assertEquals(isNodes ? 1 : 0, ended.audit().silence(), why.toString());
                assertEquals(isNodes, !ended.audit().postedCells().isEmpty(), why.toString());
            }
        }
    }

    /** Where the ledger is away at the moment in which a silence would be posted, the verdict is given anyway. */
    @Test
    void aSilenceIsToldAlthoughItCannotBePosted() throws Exception {
        KeyPair gone = KeyPair.random();
        UnaryOperator<Sequencer> without = ledger -> (Sequencer) Proxy.newProxyInstance(
                Sequencer.class.getClassLoader(), new Class<?>[] {Sequencer.class}, (proxy, method, arguments) -> {
                    boolean isPosting = method.getName().equals("submit")
                            && Signed.decode((byte[]) arguments[0]).commands().stream()
                                    .anyMatch(Command.PostChallenge.class::isInstance);
                    if (isPosting) {
                        throw new IOException("The ledger is away.");
                    }
                    return method.invoke(ledger, arguments);
                });
        Parameters parameters = Parameters.DEFAULT.with("commitMs=9000");
        try (Auditing auditing = new Auditing(parameters, List.of(gone), without(Set.of(gone.publicKey())), without)) {
            Bytes32 request = Bytes32.of(answered(auditing.paying, auditing.register(gone), gone, 1));
            auditing.inbox.deliverTo(auditing.audits);
            Settlement ended = auditing.ended(request);
            assertEquals(List.of(), ended.audit().postedCells());
            assertEquals(1, ended.audit().silence());
        }
    }

    /** A disk that is full must not have a lie pass for an answer that nobody could judge. */
    @Test
    void aLieIsToldAlthoughItsEvidenceCannotBeKept() throws Exception {
        KeyPair lying = KeyPair.random();
        AnswerAuditor auditor = new AnswerAuditor() {
            @Override
            public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) {
                return new Finding(Failure.of(Step.OUTPUT, "a lie"), new byte[32], new byte[1], false, null);
            }

            @Override
            public void close() {}
        };
        // Where the folder should be.
        Files.write(folder.resolve("evidence"), new byte[1]);
        try (Auditing auditing = new Auditing(Parameters.DEFAULT.with("commitMs=9000"), List.of(lying), auditor)) {
            Bytes32 request = Bytes32.of(answered(auditing.paying, auditing.register(lying), lying, 1));
            auditing.inbox.deliverTo(auditing.audits);
            Settlement ended = auditing.ended(request);
            assertEquals(Status.REFUNDED, ended.status());
            assertEquals(1, ended.audit().bad());
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
