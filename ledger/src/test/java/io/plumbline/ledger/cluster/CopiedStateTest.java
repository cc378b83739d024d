package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CopiedStateTest {
    private static final long NOW = 1_000;

    @TempDir
    private Path folder;

    private final List<KeyPair> full = Stream.generate(KeyPair::random).limit(4).toList();
    private final KeyPair saver = KeyPair.random();
    private final Genesis genesis = new Genesis(
            full.stream().map(KeyPair::publicKey).toList(),
            700,
            Bytes32.ZERO,
            List.of(new Genesis.Deposit(saver.publicKey(), 1_000)),
            Parameters.FREE);
    private final LedgerState honest = new LedgerState(genesis);
    private final List<byte[]> log = new ArrayList<>();
    private final List<String> told = new ArrayList<>();
    private Path mark;

    @BeforeEach
    void choose() {
        mark = folder.resolve(Backup.COPIED);
    }

    private final class Told implements Replica.Listener {
        @Override
        public void onAudit(Settlement changed, Node node) {
            told.add("audit");
        }

        @Override
        public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
            told.add("block " + header.number());
        }

        @Override
        public void onCertified(BlockHeader header, Certificate certificate) {
            told.add("certified " + header.number());
        }
    }

    private void order(KeyPair by, Command command) {
        byte[] signed = Signed.of(genesis.hash(), by, NOW + 60_000, command).encode();
        log.add(signed);
        honest.apply(signed, NOW);
    }

    private void vote(int place, long number, byte[] hash) {
        KeyPair keys = full.get(place);
        byte[] signature = keys.sign(Certificate.message(genesis.hash(), 0, number, hash));
        order(keys, new Command.CastVote(keys.publicKey(), 0, number, hash, signature));
    }

    /**
     * A full node that begins from a snapshot, and follows what was ordered since, closing a block where the others
     * did.
     */
    private CopiedState follow(byte[] snapshot, List<byte[]> since, int closesAfter) {
        CopiedState copied = new CopiedState(mark, new Told());
        LedgerState state = LedgerState.decode(genesis, snapshot);
        copied.begin(state, 4, Bytes32.of(Blake3.hash(snapshot)));
        Replica replica = new Replica(state, copied, (timer, at) -> {});
        replica.begin();
        for (int i = 0; i < since.size(); i++) {
            if (i == closesAfter) {
                replica.onTimer(Replica.BLOCK_TIMER, NOW);
                copied.check();
            }
            replica.onCommand(since.get(i), NOW);
            copied.check();
        }
        return copied;
    }

    /** Two other full nodes, one more than may lie, say what their snapshots are. */
    private void state(byte[] snapshot) {
        long height = LedgerState.decode(genesis, snapshot).height();
        for (int place = 0; place < 2; place++) {
            order(full.get(place), new Command.StateSnapshot(height, Bytes32.of(Blake3.hash(snapshot))));
        }
    }

    private byte[] beginsWithAnOpenBlock() {
        order(saver, new Command.Bond(5));
        Bytes32 request = Bytes32.ZERO;
        order(saver, new Command.OpenEscrow(request, saver.publicKey(), 0, 1, Level.SIGNED));
        assertNotNull(honest.closeBlock(NOW));
        byte[] first = honest.blocks().open().hash();
        vote(0, 0, first);
        byte[] snapshot = honest.encode();
        log.clear();
        vote(1, 0, first);
        vote(2, 0, first);
        order(saver, new Command.Bond(7));
        return snapshot;
    }

    /** All but the one that has copied sign the second block. */
    private int closesAndSigns() {
        int closesAfter = log.size();
        assertNotNull(honest.closeBlock(NOW));
        byte[] second = honest.blocks().open().hash();
        for (int place = 0; place < 3; place++) {
            vote(place, 1, second);
        }
        return closesAfter;
    }

    @Test
    void aCopyIsBelievedOnceAQuorumCertifiesWhatComesOfIt() throws IOException {
        byte[] snapshot = beginsWithAnOpenBlock();
        Files.createFile(mark);
        CopiedState copied = follow(snapshot, log, -1);
        assertFalse(copied.isSure(), "the block that was open may have come with the copy");
        assertEquals(List.of("certified 0"), told);
        told.clear();
        int closesAfter = closesAndSigns();
        assertFalse(follow(snapshot, log, closesAfter).isSure(), "not all that it has is under a state root");
        told.clear();
        state(snapshot);
        copied = follow(snapshot, log, closesAfter);
        assertTrue(copied.isSure());
        assertFalse(Files.exists(mark));
        assertTrue(told.contains("certified 1"), told.toString());
        told.clear();
        // It is its own now.
        assertTrue(follow(snapshot, log, closesAfter).isSure());
        assertTrue(told.contains("block 1"), told.toString());
    }

    @Test
    void aCopyThatOthersDoNotSignEndsItsFullNode() throws IOException {
        byte[] snapshot = beginsWithAnOpenBlock();
        // Who gave the copy has added what was never ordered: the open block is the true one, the state is not.
        LedgerState forged = LedgerState.decode(genesis, snapshot);
        forged.apply(Signed.of(genesis.hash(), saver, NOW + 60_001, new Command.Bond(100)), NOW);
        int closesAfter = closesAndSigns();
        Files.createFile(mark);
        String why = assertThrows(IllegalStateException.class, () -> follow(forged.encode(), log, closesAfter))
                .getMessage();
        assertTrue(why.contains("copied is another one than full nodes [0, 1] sign"), why);
        assertTrue(Files.exists(mark));
        assertFalse(told.contains("block 1"), told.toString());
    }

    /** What full nodes have wished for so far is under no root, and one more wish makes it the parameters. */
    @Test
    void aCopyWithWhatNoRootShowsIsFoundByWhatOthersSayOfTheirSnapshots() throws IOException {
        byte[] snapshot = beginsWithAnOpenBlock();
        LedgerState forged = LedgerState.decode(genesis, snapshot);
        byte[] root = forged.root();
        byte[] before = forged.encode();
        for (int place = 0; place < 2; place++) {
            Signed wish = Signed.of(
                    genesis.hash(),
                    full.get(place),
                    NOW + 60_002,
                    new Command.ProposeParameters(Parameters.FREE.with("fee=7")));
            forged.apply(wish, NOW);
        }
        byte[] body = withHeightAndChainOf(forged, before);
        assertArrayEquals(root, LedgerState.decode(genesis, body).root());
        int closesAfter = closesAndSigns();
        state(snapshot);
        Files.createFile(mark);
        String why = assertThrows(IllegalStateException.class, () -> follow(body, log, closesAfter))
                .getMessage();
        assertTrue(why.contains("is another one than 2 full nodes have"), why);
        assertTrue(Files.exists(mark));
    }

    /** The state of {@code forged}, but for what shows that more was ordered: height, time and chain. */
    private static byte[] withHeightAndChainOf(LedgerState forged, byte[] honest) {
        byte[] body = forged.encode();
        CanonicalReader in = new CanonicalReader(honest, "state");
        int from = Integer.BYTES + in.getText("format").length() + Bytes32.BYTES;
        System.arraycopy(honest, from, body, from, 2 * Long.BYTES + Bytes32.BYTES + Integer.BYTES);
        return body;
    }

    /** A block closes without a command: what full nodes have before and after it are two snapshots of one height. */
    @Test
    void twoSnapshotsOfOneHeightAreBothItsOwn() throws IOException {
        byte[] first = beginsWithAnOpenBlock();
        Files.createFile(mark);
        CopiedState copied = new CopiedState(mark, new Told());
        LedgerState state = LedgerState.decode(genesis, first);
        copied.begin(state, 4, Bytes32.of(Blake3.hash(first)));
        byte[] second = Blake3.hash(first);
        copied.onSnapshot(second, state.height());
        for (int place = 0; place < 2; place++) {
            Bytes32 other = full.get(place).publicKey();
            copied.onStatedSnapshot(other, new Command.StateSnapshot(state.height(), Bytes32.of(Blake3.hash(first))));
            copied.onStatedSnapshot(other, new Command.StateSnapshot(state.height(), Bytes32.of(Blake3.hash(second))));
        }
        copied.check();
        for (int place = 0; place < 2; place++) {
            copied.onStatedSnapshot(
                    full.get(place).publicKey(), new Command.StateSnapshot(state.height(), Bytes32.ZERO));
        }
        copied.check();
        for (int place = 2; place < 4; place++) {
            copied.onStatedSnapshot(
                    full.get(place).publicKey(), new Command.StateSnapshot(state.height(), Bytes32.ZERO));
        }
        assertThrows(IllegalStateException.class, copied::check);
    }
}
