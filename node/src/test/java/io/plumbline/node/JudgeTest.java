package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Question;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Case.Status;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Key;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.Keys;
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

class JudgeTest {
    private static final byte[] MODEL = Blake3.hash(new byte[1]);
    private static final int DEAD = 32;
    private static final int CASES_OF_ONE = 4;
    private static final long STAKE = 10_000;

    @TempDir
    Path folder;

    /** A ledger of one full node, by this host's clock. */
    record OnClock(MemorySequencer memory) implements Sequencer {
        private void tick() {
            long ahead = System.currentTimeMillis() - memory.timeMs();
            if (ahead > 0) {
                memory.advance(ahead);
            }
        }

        @Override
        public Answer submit(byte[] signed) {
            synchronized (memory) {
                tick();
                return memory.submit(signed);
            }
        }

        @Override
        public byte[] ask(Question question, byte[] key) {
            synchronized (memory) {
                tick();
                return memory.ask(question, key);
            }
        }

        @Override
        public long timeMs() {
            synchronized (memory) {
                tick();
                return memory.timeMs();
            }
        }

        @Override
        public void close() {}
    }

    /** Finds everything good, where the node is there. */
    private static AnswerJudge without(Set<Key> dead) {
        return new AnswerJudge() {
            @Override
            public Finding judge(Case ordered, Peer peer, Deadline deadline, Cell[] asked, ObjectNode event)
                    throws IOException {
                if (dead.contains(Key.of(ordered.node()))) {
                    throw new LostException("nobody is there");
                }
                return new Finding(null, new byte[32], null, false);
            }

            @Override
            public void close() {}
        };
    }

    @Test
    void nodesThatAreNotThereHoldUpNobodyElsesAudit() throws Exception {
        Keys full = Keys.random();
        Keys requester = Keys.random();
        Keys honest = Keys.random();
        List<Keys> dead = new ArrayList<>();
        List<Genesis.Deposit> deposits = new ArrayList<>();
        deposits.add(new Genesis.Deposit(requester.publicKey(), 1_000_000));
        deposits.add(new Genesis.Deposit(honest.publicKey(), 2 * STAKE));
        Set<Key> deadKeys = new HashSet<>();
        for (int i = 0; i < DEAD; i++) {
            dead.add(Keys.random());
            deadKeys.add(Key.of(dead.get(i).publicKey()));
            deposits.add(new Genesis.Deposit(dead.get(i).publicKey(), 2 * STAKE));
        }
        Genesis genesis = new Genesis(List.of(full.publicKey()), STAKE, new byte[32], deposits, Parameters.DEFAULT);
        MemorySequencer memory = new MemorySequencer(genesis, System.currentTimeMillis());
        OnClock ledger = new OnClock(memory);
        Events events = new Events(new PrintStream(OutputStream.nullOutputStream()));
        Judge judge = new Judge(
                full.publicKey(),
                Map.of(Blake3.hex(MODEL), without(deadKeys)),
                folder.resolve("evidence"),
                new VerdictStore(folder.resolve("verdicts")),
                events);
        Media media = new Media(folder.resolve("media"), e -> {}, () -> {});
        Endpoint endpoint = new Endpoint(
                media.aeron(),
                "localhost",
                0,
                new Identity(full.secret(), full.publicKey()),
                new NodeClient(5_000).protocol());
        AgentRunner runner = new AgentRunner(Drivers.idle(), e -> {}, null, endpoint);
        AgentRunner.startOnThread(runner);
        synchronized (memory) {
            memory.join(judge::onAudit);
        }
        judge.begin(endpoint, new LedgerClient(ledger, full, genesis.hash()), node -> node);
        LedgerClient paying = new LedgerClient(ledger, requester, genesis.hash());
        try {
            List<byte[]> silent = new ArrayList<>();
            for (Keys keys : dead) {
                LedgerClient of = register(ledger, genesis, keys);
                for (int i = 0; i < CASES_OF_ONE; i++) {
                    silent.add(answered(paying, of, keys, silent.size() + 1));
                }
            }
            byte[] request = answered(paying, register(ledger, genesis, honest), honest, silent.size() + 1);
            Case found = paying.findCase(request);
            for (int i = 0; i < 1_000 && found.isOpen(); i++) {
                Thread.sleep(50);
                found = paying.findCase(request);
            }
            assertEquals(Status.SETTLED, found.status());
            assertTrue(paying.findCase(silent.getLast()).isOpen(), "before the time of the others is over");
        } finally {
            judge.close();
            runner.close();
            media.close();
        }
    }

    private static LedgerClient register(Sequencer ledger, Genesis genesis, Keys keys) throws IOException {
        LedgerClient of = new LedgerClient(ledger, keys, genesis.hash());
        AttackNetwork.apply(of, new Command.RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9));
        return of;
    }

    private static byte[] answered(LedgerClient paying, LedgerClient node, Keys keys, int number) throws IOException {
        byte[] request = Blake3.hash(new byte[number]);
        byte[] any = new byte[32];
        AttackNetwork.apply(paying, new Command.OpenEscrow(request, keys.publicKey(), 1, 1, Level.SIGNED));
        Receipt receipt = new Receipt(1, MODEL, request, any, any, 1024, 1, 0, 1, null, null);
        AttackNetwork.apply(node, new Command.SubmitReceipt(receipt.sign(keys)));
        return request;
    }
}
