package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.ledger.state.SigningSeen;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A full node never signs two blocks of one number, however it ends and begins again. */
class VoterTest {
    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("votes");
    }

    private static byte[] block(int which) {
        return Blake3.hash(new byte[] {(byte) which});
    }

    private VoteSigner signer() throws IOException {
        return new LocalVoteSigner(KeyPair.random(), Bytes32.ZERO, 4, file);
    }

    private static boolean signs(VoteSigner by, long epoch, long number, byte[] hash, List<EpochStatement> statements)
            throws IOException {
        return by.vote(epoch, number, hash, statements) != null;
    }

    @Test
    void whatWasSignedIsRememberedAcrossRestarts() throws IOException {
        try (VoteSigner first = signer()) {
            assertTrue(signs(first, 0, 0, block(0), List.of()));
            assertTrue(signs(first, 0, 1, block(1), List.of()));
        }
        try (VoteSigner again = signer()) {
            assertFalse(signs(again, 0, 0, block(0), List.of()), "long signed");
            assertTrue(signs(again, 0, 1, block(1), List.of()), "the vote may not have come through");
            String why = assertThrows(IOException.class, () -> signs(again, 0, 1, block(2), List.of()))
                    .getMessage();
            assertTrue(why.contains("has signed another block 1 in epoch 0 before"), why);
            assertTrue(signs(again, 0, 2, block(2), List.of()));
        }
    }

    @Test
    void aTornRecordAtTheEndWasNotSigned() throws IOException {
        try (VoteSigner first = signer()) {
            signs(first, 0, 0, block(0), List.of());
            signs(first, 0, 1, block(1), List.of());
        }
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - 5));
        try (VoteSigner again = signer()) {
            assertTrue(signs(again, 0, 1, block(7), List.of()));
        }
        try (VoteSigner third = signer()) {
            assertThrows(IOException.class, () -> signs(third, 0, 1, block(8), List.of()));
        }
    }

    @Test
    void aDamagedFileStopsTheNodeFromSigning() throws IOException {
        try (VoteSigner first = signer()) {
            signs(first, 0, 0, block(0), List.of());
            signs(first, 0, 1, block(1), List.of());
        }
        byte[] bytes = Files.readAllBytes(file);
        bytes[3] ^= 1;
        Files.write(file, bytes);
        String why = assertThrows(IOException.class, this::signer).getMessage();
        assertTrue(why.contains("is damaged"), why);
    }

    @Test
    void aLongFileIsBegunAnew() throws IOException {
        try (VoteSigner first = signer()) {
            assertTrue(signs(first, 0, 0, block(0), List.of()));
        }
        byte[] one = Files.readAllBytes(file);
        while (Files.size(file) <= 1 << 20) {
            byte[] many = new byte[one.length * 1000];
            for (int i = 0; i < 1000; i++) {
                System.arraycopy(one, 0, many, i * one.length, one.length);
            }
            Files.write(file, many, StandardOpenOption.APPEND);
        }
        try (VoteSigner again = signer()) {
            assertTrue(signs(again, 0, 1, block(1), List.of()));
        }
        assertEquals(2L * one.length, Files.size(file), "its last vote and the new one");
        try (VoteSigner third = signer()) {
            assertThrows(IOException.class, () -> signs(third, 0, 1, block(2), List.of()));
        }
    }

    @Test
    void whoSteppedOnAloneGoesOnWithTheOthersBlocks() throws IOException {
        VoteFile votes = new VoteFile(file);
        votes.vote(0, 4, block(4));
        votes.promise(1, 4);
        try (VoteSigner again = signer()) {
            String why = assertThrows(IOException.class, () -> signs(again, 0, 4, block(4), List.of()))
                    .getMessage();
            assertTrue(why.contains("waits for epoch 1"), why);
            assertTrue(signs(again, 1, 4, block(4), List.of()), "the same block may be signed in any epoch");
            assertTrue(signs(again, 0, 5, block(5), List.of()), "the promise was about block 4");
        }
    }

    @Test
    void anotherBlockIsSignedInALaterEpochOnlyWhereTheFirstCannotBeCertified() throws IOException {
        VoteFile votes = new VoteFile(file);
        votes.vote(0, 4, block(4));
        votes.promise(1, 4);
        List<EpochStatement> three = List.of(said(block(4)), said(null), said(null));
        List<EpochStatement> four = List.of(said(block(4)), said(null), said(null), said(null));
        try (VoteSigner again = signer()) {
            String why = assertThrows(IOException.class, () -> signs(again, 1, 4, block(9), three))
                    .getMessage();
            assertTrue(why.contains("may be certified"), why);
            assertTrue(signs(again, 1, 4, block(9), four));
        }
    }

    /** Until the time has come: a leader whose clock is ahead ends no deadline with a certificate. */
    @Test
    void aBlockWhoseTimeIsAheadOfTheClockIsSignedWhenThatTimeHasCome() throws Exception {
        AtomicLong clock = new AtomicLong(1_000_000);
        BlockingQueue<String> errors = new LinkedBlockingQueue<>();
        BlockingQueue<byte[]> votes = new LinkedBlockingQueue<>();
        Sequencer sequencer = collecting(votes);
        try (Voter voter =
                new Voter(KeyPair.random(), Bytes32.ZERO, 4, file, e -> errors.add(e.getMessage()), clock::get)) {
            voter.begin(
                    new LedgerClient(sequencer, KeyPair.random(), Bytes32.ZERO),
                    (key, commands) -> new SigningSeen(0, 0, -1, true));
            assertNotNull(votes.poll(120, TimeUnit.SECONDS), "what it looks for in the order");
            long time = clock.get() + Voter.MAX_AHEAD_MS;
            voter.onBlock(new BlockHeader(0, block(0), block(0), 1, time), 0, List.of());
            assertNotNull(votes.poll(120, TimeUnit.SECONDS));
            voter.onBlock(new BlockHeader(1, block(1), block(1), 2, time + 1_000), 0, List.of());
            String why = errors.poll(120, TimeUnit.SECONDS);
            assertTrue(why.contains("block 1 is withheld") && why.contains("61 s ahead of this host's clock"), why);
            assertTrue(votes.isEmpty());
            clock.addAndGet(1_000);
            assertNotNull(votes.poll(120, TimeUnit.SECONDS));
            assertTrue(errors.isEmpty(), "it is told once: " + errors);
        }
    }

    /** A ledger that applies all that it is handed. */
    private static Sequencer collecting(BlockingQueue<byte[]> votes) {
        return new Sequencer() {
            @Override
            public Answer submit(byte[] signed) {
                votes.add(signed);
                return new Answer(1, 1, Collections.singletonList(null));
            }

            @Override
            public byte[] ask(Query query, byte[] key) {
                return new byte[0];
            }

            @Override
            public long timeMs() {
                return 1;
            }

            @Override
            public void close() {}
        };
    }

    /** Without the history it signs nothing until the signer has it on disk what may have been signed before. */
    @Test
    void nothingIsSignedBeforeASignerThatWasAwayKnowsWhatIsForgotten() throws Exception {
        BlockingQueue<byte[]> handedIn = new LinkedBlockingQueue<>();
        BlockingQueue<String> asked = new LinkedBlockingQueue<>();
        AtomicBoolean isAway = new AtomicBoolean(true);
        VoteSigner signer = new VoteSigner() {
            @Override
            public SigningRecord signed() {
                return SigningRecord.NONE;
            }

            @Override
            public byte[] vote(long epoch, long number, byte[] hash, Collection<EpochStatement> statements) {
                asked.add("vote " + number);
                return new byte[KeyPair.SIGNATURE_BYTES];
            }

            @Override
            public EpochStatement step(long epoch, long number) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void forget(long upTo) throws IOException {
                if (isAway.get()) {
                    throw new SignerAwayException("away", null);
                }
                asked.add("forget " + upTo);
            }

            @Override
            public void close() {}
        };
        try (Voter voter = new Voter(KeyPair.random().publicKey(), Bytes32.ZERO, 4, signer, e -> {})) {
            voter.begin(
                    new LedgerClient(collecting(handedIn), KeyPair.random(), Bytes32.ZERO),
                    (key, commands) -> new SigningSeen(5, 0, 4, false));
            assertNotNull(handedIn.poll(120, TimeUnit.SECONDS), "what it looks for in the order");
            Certificate ofOthers = new Certificate(0, new TreeMap<>(Map.of(1, new byte[64], 2, new byte[64])));
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Voter.LISTEN_MS / 1000 + 2);
            while (System.nanoTime() < end) {
                voter.onCertified(6, ofOthers);
                voter.onBlock(new BlockHeader(7, block(7), block(7), 1, 1), 0, List.of());
                Thread.sleep(50);
            }
            assertTrue(asked.isEmpty(), asked::toString);
            isAway.set(false);
            assertEquals("forget 7", asked.poll(120, TimeUnit.SECONDS));
            assertEquals("vote 7", asked.poll(120, TimeUnit.SECONDS), "the signer itself refuses it now");
        }
    }

    private static EpochStatement said(byte[] signed) {
        return new EpochStatement(1, 4, signed == null ? new TreeMap<>() : new TreeMap<>(Map.of(0L, signed)), null);
    }
}
