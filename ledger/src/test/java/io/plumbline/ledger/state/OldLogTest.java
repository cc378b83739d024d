package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A log that an earlier build wrote gives the state that it gave then: full nodes are upgraded one after the other,
 * and a new one replays what old ones ordered. The logs stay as they are for ever; where the rules change, code keeps
 * to the old ones until a quorum has moved on, and a log under the new rules is added.
 */
class OldLogTest {
    private static byte[] resource(String name) throws IOException {
        try (InputStream in = OldLogTest.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 6, 7, 8, 9})
    void aLogOfAnEarlierBuildGivesTheStateThatItGave(int rules) throws IOException {
        CanonicalReader in = new CanonicalReader(resource("/logs/rules-" + rules + ".bin"), "log");
        LedgerState state = new LedgerState(Genesis.decode(in.getBytes("genesis")));
        Set<Integer> kinds = new TreeSet<>();
        byte[] expected = null;
        while (in.hasMore()) {
            long atMs = in.getLong("time");
            byte[] command = in.getBytes("command");
            if (command.length == 0) {
                state.closeBlock(atMs);
            } else {
                Signed.decode(command)
                        .commands()
                        .forEach(one -> kinds.add(new CanonicalReader(one.encode(), "command").getInt("kind")));
                state.apply(command, atMs);
            }
            expected = in.getFixed(32, "root");
            assertArrayEquals(expected, state.root(), "after " + state.height() + " commands");
        }
        assertEquals(rules, state.parameters().rules());
        int known = rules < 5 ? 20 : rules < 6 ? 21 : rules < 7 ? 24 : rules < 8 ? 27 : rules < 9 ? 30 : 31;
        assertEquals(known, kinds.size(), "the log has every kind of command: " + kinds);
        assertEquals(state.deposited(), state.total());
    }

    /** Writes a log under rules that are new: -Dplumbline.record=FILE. */
    @Test
    void writesALog() throws IOException {
        String file = System.getProperty("plumbline.record", "");
        assumeTrue(!file.isEmpty(), "name a file with -Dplumbline.record=FILE");
        Files.write(Path.of(file), new Recorder().record());
    }

    private static final class Recorder {
        private final CanonicalWriter log = new CanonicalWriter();
        private final List<KeyPair> full = new ArrayList<>();
        private final KeyPair node = KeyPair.random();
        private final KeyPair requester = KeyPair.random();
        private final KeyPair bank = KeyPair.random();
        private Genesis genesis;
        private LedgerState state;
        private long nowMs = 1_000_000;

        private void order(KeyPair by, Command... commands) {
            byte[] signed =
                    Signed.of(genesis.hash(), by, nowMs + 60_000, commands).encode();
            state.apply(signed, nowMs);
            log.putLong(nowMs).putBytes(signed).putFixed(state.root());
        }

        private void close() {
            nowMs += 20;
            state.closeBlock(nowMs);
            log.putLong(nowMs).putBytes(new byte[0]).putFixed(state.root());
        }

        private void vote(int place, byte[] hash) {
            BlockHeader open = state.blocks().open();
            long epoch = state.blocks().epoch();
            KeyPair keys = full.get(place);
            byte[] signature = keys.sign(Certificate.message(genesis.hash(), epoch, open.number(), hash));
            order(keys, new Command.CastVote(keys.publicKey(), epoch, open.number(), hash, signature));
        }

        private void certify() {
            close();
            byte[] hash = state.blocks().open().hash();
            for (int place = 0; place < 3; place++) {
                vote(place, hash);
            }
        }

        byte[] record() {
            for (int i = 0; i < 4; i++) {
                full.add(KeyPair.random());
            }
            genesis = new Genesis(
                    full.stream().map(KeyPair::publicKey).toList(),
                    1_000,
                    bank.publicKey(),
                    List.of(
                            new Genesis.Deposit(requester.publicKey(), 1_000_000),
                            new Genesis.Deposit(node.publicKey(), 100_000)),
                    Parameters.DEFAULT);
            state = new LedgerState(genesis);
            log.putBytes(genesis.encode());
            Bytes32 model = Bytes32.of(Blake3.hash(new byte[] {1}));
            order(node, new Command.RegisterNode(50_000, model, 2, "127.0.0.1", 9));
            order(
                    node,
                    new Command.RegisterModel(model, "stories", "here"),
                    new Command.RegisterDataNode(50_000, "127.0.0.1", 8));
            order(node, new Command.ReportFeed("weather", 1, new byte[] {1, 2}));
            Feed feed = new Feed(
                    requester.publicKey(), "temperature", "degC", 1, -500, 600, 1_000, 500, 1, 60_000, model, 3);
            order(requester, new Command.DeclareFeed(feed), new Command.FundFeed(feed.id(), 40));
            order(
                    node,
                    new Command.ReportValue(
                            feed.id(), feed.round(nowMs), 213, nowMs - 9, nowMs - 1, model.bytes(), model.bytes()));
            deals();
            order(bank, new Command.DepositMoney(requester.publicKey(), 500, Bytes32.of(Blake3.hash(new byte[] {2}))));
            order(requester, new Command.Bond(300), new Command.Unbond(100), new Command.Withdraw(50, "home"));
            Bytes32 invoice = Bytes32.of(Blake3.hash(new byte[] {4}));
            order(
                    requester,
                    new Command.Transfer(node.publicKey(), 70, invoice),
                    new Command.Transfer(KeyPair.random().publicKey(), 1, Bytes32.ZERO));
            for (int place = 0; place < 3; place++) {
                order(full.get(place), new Command.ProposeParameters(Parameters.DEFAULT));
            }
            certify();
            answer(model, 1, Opinion.GOOD);
            answer(model, 2, Opinion.BAD);
            Bytes32 unused = Bytes32.of(Blake3.hash(new byte[] {3, 3}));
            order(requester, new Command.OpenEscrow(unused, node.publicKey(), 2, 250, Level.FULL));
            order(node, new Command.DeclineEscrow(unused));
            certify();
            // A liar, a stall, and a new epoch.
            order(requester, new Command.Bond(1));
            close();
            byte[] hash = state.blocks().open().hash();
            vote(3, new byte[32]);
            vote(0, hash);
            vote(3, hash);
            for (int place = 0; place < 4; place++) {
                Map<Long, byte[]> votes = place == 0 ? Map.of(0L, hash) : Map.of();
                EpochStatement statement = EpochStatement.of(
                        genesis.hash(), 1, state.blocks().open().number(), new TreeMap<>(votes), full.get(place));
                order(full.get(place), new Command.StateEpoch(statement));
            }
            for (int place = 0; place < 3; place++) {
                vote(place, hash);
            }
            certify();
            byte[] lie = Blake3.hash(new byte[] {7});
            byte[] answered = Blake3.hash(new byte[] {3, 1});
            order(
                    requester,
                    new Command.Accuse(Bytes32.of(answered), lie, 100),
                    new Command.HandInEvidence(new byte[100]));
            order(requester, new Command.ReportDoubleVote(vote(full.get(2), hash), vote(full.get(2), lie)));
            order(
                    requester,
                    new Command.ReportDoubleReceipt(receipt(model, 2, 150)),
                    new Command.ReportDoubleReceipt(receipt(model, 2, 149)));
            assertEquals(0, state.account(node.publicKey()).stake());
            certify();
            nowMs += Parameters.DEFAULT.unbondMs();
            order(requester, new Command.Bond(1));
            certify();
            rotation(model);
            order(full.get(0), new Command.StateSnapshot(state.height(), Bytes32.of(Blake3.hash(state.encode()))));
            certify();
            return log.toBytes();
        }

        /** The key of another node is replaced while a request waits for its answer. */
        private void rotation(Bytes32 model) {
            KeyPair old = KeyPair.random();
            KeyPair next = KeyPair.random();
            order(requester, new Command.Transfer(old.publicKey(), 60_000, Bytes32.ZERO));
            certify();
            order(old, new Command.RegisterNode(50_000, model, 2, "127.0.0.1", 10));
            order(old, new Command.NameSuccessor(next.publicKey()));
            nowMs += Parameters.DEFAULT.unbondMs();
            Bytes32 request = Bytes32.of(Blake3.hash(new byte[] {3, 9}));
            order(requester, new Command.OpenEscrow(request, old.publicKey(), 2, 250, Level.SIGNED));
            order(old, Command.RotateKey.of(genesis.hash(), old.publicKey(), next));
            byte[] any = new byte[32];
            order(
                    old,
                    new Command.SubmitReceipt(
                            new Receipt(1, model, request, any, any, 1024, 10, 90, 150, null, null).sign(old)));
            assertEquals(next.publicKey(), state.holder(old.publicKey()));
            assertEquals(
                    Settlement.Status.AUDITING, state.findSettlement(request).status());
            certify();
        }

        /** One that is proven and then lost, and one that nobody accepts. */
        private void deals() {
            KeptBlob blob = new KeptBlob(20_000, 1);
            StorageTerms terms = blob.terms(node.publicKey(), 3, 2, 50, 400);
            order(requester, new Command.ProposeDeal(terms), new Command.ProposeDeal(terms));
            StorageDeal deal = state.dealsOf(requester.publicKey(), StorageDeal.Role.ANY, -1, 1)
                    .getFirst();
            byte[] last = blob.answer(StorageChallenge.ofLength(terms));
            order(
                    node,
                    new Command.AcceptDeal(deal.number(), new byte[last.length]),
                    new Command.AcceptDeal(deal.number(), last));
            for (int round = 0; round < 2; round++) {
                certify();
                nowMs = state.deal(deal.number()).atMs();
                certify();
                StorageDeal open = state.deal(deal.number());
                if (round == 0) {
                    byte[] slice = blob.answer(open.challenge());
                    order(node, new Command.ProveStorage(deal.number(), 0, slice));
                }
            }
            nowMs = state.deal(deal.number()).atMs();
            certify();
            assertEquals(1, state.deal(deal.number()).losses());
        }

        private Command.CastVote vote(KeyPair keys, byte[] hash) {
            byte[] signature = keys.sign(Certificate.message(genesis.hash(), 7, 99, hash));
            return new Command.CastVote(keys.publicKey(), 7, 99, hash, signature);
        }

        private Receipt receipt(Bytes32 model, int number, long price) {
            Bytes32 request = Bytes32.of(Blake3.hash(new byte[] {3, (byte) number}));
            byte[] any = new byte[32];
            return new Receipt(1, model, request, any, any, 1024, 10, 90, price, null, null).sign(node);
        }

        private void answer(Bytes32 model, int number, Opinion opinion) {
            Bytes32 request = Bytes32.of(Blake3.hash(new byte[] {3, (byte) number}));
            byte[] any = new byte[32];
            order(requester, new Command.OpenEscrow(request, node.publicKey(), 2, 250, Level.FULL));
            order(node, new Command.SubmitReceipt(receipt(model, number, 150)));
            order(full.getFirst(), new Command.PostChallenge(request, new Cell(1, 2, 3)));
            Verdict verdict = new Verdict(opinion, "", "", any, any);
            for (KeyPair auditor : full) {
                order(
                        auditor,
                        new Command.CommitVerdict(request, 1, verdict.commitment(request, 1, auditor.publicKey())));
            }
            for (KeyPair auditor : full) {
                order(auditor, new Command.RevealVerdict(request, verdict));
            }
        }
    }
}
