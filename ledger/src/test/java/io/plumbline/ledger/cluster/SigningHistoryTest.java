package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A signing history goes from one host to another, and takes nothing away that is known there. */
class SigningHistoryTest {
    private static final Bytes32 LEDGER = Bytes32.of(Blake3.hash(new byte[] {1}));
    private static final KeyPair KEYS = new KeyPair(Blake3.hash(new byte[] {2}));
    private static final Bytes32 KEY = KEYS.publicKey();

    @TempDir
    Path folder;

    private Path old;
    private Path next;
    private Path file;

    @BeforeEach
    void name() throws IOException {
        old = Files.createDirectories(folder.resolve("old"));
        next = folder.resolve("new");
        file = folder.resolve("history");
    }

    private static byte[] block(int which) {
        return Blake3.hash(new byte[] {3, (byte) which});
    }

    private static VoteFile votes(Path of) throws IOException {
        return new VoteFile(of.resolve(SigningHistory.FILE));
    }

    private SigningHistory history() throws IOException {
        return SigningHistory.of(old, LEDGER, KEY);
    }

    @Test
    void allThatWasSignedComesAlong() throws IOException {
        VoteFile votes = votes(old);
        votes.forget(3);
        votes.vote(0, 7, block(7));
        votes.promise(2, 7);
        votes.vote(2, 7, block(8));
        history().write(file);
        assertTrue(SigningHistory.read(file).addTo(next, LEDGER, KEY));
        SigningRecord there = votes(next).signed();
        assertTrue(there.says(votes.signed()), there.toString());
        assertNotNull(there.refusal(2, 7, block(9), List.of(), 4), "it would be a second block 7 in epoch 2");
        assertNull(there.refusal(2, 7, block(8), List.of(), 4), "the vote may not have come through");
        assertEquals(3, there.forgotten());
        assertFalse(SigningHistory.read(file).addTo(next, LEDGER, KEY), "it is known");
        String why =
                assertThrows(IOException.class, () -> history().write(file)).getMessage();
        assertTrue(why.contains("exists"), why);
    }

    @Test
    void anOlderHistoryTakesNothingAway() throws IOException {
        votes(old).vote(0, 4, block(4));
        SigningHistory before = history();
        VoteFile votes = votes(old);
        votes.vote(0, 5, block(5));
        votes.promise(1, 5);
        assertFalse(before.addTo(old, LEDGER, KEY));
        assertEquals(5, votes(old).signed().number());
        assertEquals(1, votes(old).signed().promisedIn(5));
        assertTrue(history().addTo(next, LEDGER, KEY));
        assertFalse(before.addTo(next, LEDGER, KEY));
        assertEquals(5, votes(next).signed().number());
    }

    @Test
    void historiesThatContradictEachOtherAreNotPutTogether() throws IOException {
        votes(old).vote(0, 4, block(4));
        Files.createDirectories(next);
        votes(next).vote(0, 4, block(5));
        byte[] before = Files.readAllBytes(next.resolve(SigningHistory.FILE));
        String why = assertThrows(IOException.class, () -> history().addTo(next, LEDGER, KEY))
                .getMessage();
        assertTrue(why.contains("two blocks 4 were signed in epoch 0"), why);
        assertArrayEquals(before, Files.readAllBytes(next.resolve(SigningHistory.FILE)));
    }

    @Test
    void whatIsOfAnotherNetworkOrKeyIsRefused() throws IOException {
        votes(old).vote(0, 4, block(4));
        SigningHistory history = history();
        String network = assertThrows(IOException.class, () -> history.addTo(next, Bytes32.of(block(1)), KEY))
                .getMessage();
        assertTrue(network.contains("of another network"), network);
        String key = assertThrows(IOException.class, () -> history.addTo(next, LEDGER, Bytes32.of(block(1))))
                .getMessage();
        assertTrue(key.contains("signing history of the key"), key);
        assertFalse(Files.exists(next.resolve(SigningHistory.FILE)));
    }

    @Test
    void whileTheFullNodeRunsNeitherIsDoneAndTheSameFolderIsNotStartedTwice() throws IOException {
        votes(old).vote(0, 4, block(4));
        SigningHistory history = history();
        Path votes = old.resolve(SigningHistory.FILE);
        try (Voter running = new Voter(KEYS, LEDGER, 4, votes, e -> {})) {
            for (IOException e : List.of(
                    assertThrows(IOException.class, this::history),
                    assertThrows(IOException.class, () -> history.addTo(old, LEDGER, KEY)),
                    assertThrows(IOException.class, () -> new Voter(KEYS, LEDGER, 4, votes, error -> {})))) {
                assertTrue(e.getMessage().contains("A full node runs with"), e.getMessage());
            }
            assertEquals(0, running.votes());
        }
        assertEquals(4, history().signed().number());
    }

    @Test
    void whatWasNeverSignedIsNoHistory() {
        String why = assertThrows(IOException.class, this::history).getMessage();
        assertTrue(why.contains("has no signing history"), why);
    }

    @Test
    void anyChangedBitIsFound() throws IOException {
        votes(old).vote(0, 4, block(4));
        byte[] right = history().encode();
        for (int bit = 0; bit < 8 * right.length; bit++) {
            byte[] wrong = right.clone();
            wrong[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, wrong);
            assertThrows(IOException.class, () -> SigningHistory.read(file), "bit " + bit);
        }
        Files.write(file, new byte[100_000]);
        assertThrows(IOException.class, () -> SigningHistory.read(file));
        Files.write(file, right);
        assertArrayEquals(right, SigningHistory.read(file).encode());
    }
}
