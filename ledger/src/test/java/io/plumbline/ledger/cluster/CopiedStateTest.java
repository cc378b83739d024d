package io.plumbline.ledger.cluster;

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
import io.plumbline.verifier.encoding.Bytes32;
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
        copied.begin(state, 4);
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
        copied = follow(snapshot, log, closesAfter);
        assertTrue(copied.isSure());
        assertFalse(Files.exists(mark));
        assertEquals("certified 1", told.getLast());
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
}
