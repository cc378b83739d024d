package io.plumbline.ledger.signer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LocalVoteSigner;
import io.plumbline.ledger.cluster.SignerAwayException;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A signer signs nothing that contradicts its history, and nothing that a full node has no business to sign. */
class SignerTest {
    private static final List<KeyPair> KEYS =
            IntStream.range(0, 4).mapToObj(i -> KeyPair.random()).toList();
    private static final KeyPair OWN = KEYS.getFirst();
    private static final Genesis GENESIS =
            new Genesis(KEYS.stream().map(KeyPair::publicKey).toList(), List.of());

    @TempDir
    Path folder;

    private final ConcurrentLinkedQueue<String> said = new ConcurrentLinkedQueue<>();
    private Path socket;
    private SignerServer server;
    private RemoteSigner signer;

    @BeforeEach
    void start() throws IOException {
        socket = folder.resolve("signer");
        server = server();
        signer = new RemoteSigner(socket, GENESIS.hash());
    }

    private SignerServer server() throws IOException {
        LocalVoteSigner votes = new LocalVoteSigner(OWN, GENESIS.hash(), 4, folder.resolve("votes"));
        return new SignerServer(
                socket, System.getProperty("user.name"), OWN, GENESIS, votes, e -> said.add(e.getMessage()));
    }

    @AfterEach
    void end() {
        signer.close();
        server.close();
    }

    private static byte[] block(int which) {
        return Blake3.hash(new byte[] {(byte) which});
    }

    private static boolean isVote(byte[] signature, long epoch, long number, byte[] hash) {
        return KeyPair.verify(OWN.publicKey(), Certificate.message(GENESIS.hash(), epoch, number, hash), signature);
    }

    private void requireContradiction(VoteSigner asked) {
        String why = assertThrows(IOException.class, () -> asked.sign(block(2))).getMessage();
        assertEquals(
                "Its vote on block 5 is withheld: this full node has signed another block 5 in epoch 0 before: it has"
                        + " computed wrongly once. When enough full nodes begin a new epoch it may sign again.",
                why);
    }

    private interface VoteSigner {
        byte[] sign(byte[] hash) throws IOException;
    }

    @Test
    void noTwoBlocksOfOneNumberAndEpochAreSignedWhoeverAsksAndWhateverIsStartedAgain() throws IOException {
        assertTrue(isVote(signer.vote(0, 5, block(1), List.of()), 0, 5, block(1)));
        requireContradiction(hash -> signer.vote(0, 5, hash, List.of()));
        assertTrue(said.peek().startsWith("Not signed: Its vote on block 5"), "the signer's operator reads it too");

        server.close();
        server = server();
        requireContradiction(hash -> signer.vote(0, 5, hash, List.of()));
        assertTrue(isVote(signer.vote(0, 5, block(1), List.of()), 0, 5, block(1)), "the same again is no offence");

        // A full node that was restored from an old disk knows nothing of it.
        signer.close();
        try (RemoteSigner old = new RemoteSigner(socket, GENESIS.hash())) {
            assertEquals(5, old.signed().number(), "it is told");
            requireContradiction(hash -> old.vote(0, 5, hash, List.of()));
            assertNull(old.vote(0, 4, block(3), List.of()), "signed long ago");
        }
    }

    /** What was stated of a block holds, whatever was promised of another one before or since. */
    @Test
    void noPromiseIsForgottenOverAnother() throws IOException {
        assertEquals(3, signer.step(3, 9).epoch());
        String why = assertThrows(IOException.class, () -> signer.vote(1, 9, block(1), List.of()))
                .getMessage();
        assertTrue(why.contains("has promised to sign nothing for it in epoch 1"), why);
        signer.step(1, 10);
        for (int start = 0; start < 2; start++) {
            assertNull(signer.vote(1, 9, block(1), List.of()), "block 9 is over");
            assertNull(signer.vote(3, 9, block(1), List.of()));
            why = assertThrows(IOException.class, () -> signer.step(2, 9)).getMessage();
            assertTrue(why.contains("states nothing of that block"), why);
            server.close();
            server = server();
        }
        assertTrue(isVote(signer.vote(1, 10, block(2), List.of()), 1, 10, block(2)));
        assertTrue(isVote(signer.vote(0, 11, block(3), List.of()), 0, 11, block(3)), "later blocks are free of it");
    }

    /** Of forty full nodes thirteen may lie, and state as much as a statement holds. */
    @Test
    void longStatementsOfLiarsKeepNoVoteBack() throws IOException {
        List<KeyPair> keys =
                IntStream.range(0, 40).mapToObj(i -> KeyPair.random()).toList();
        Genesis many = new Genesis(keys.stream().map(KeyPair::publicKey).toList(), List.of());
        TreeMap<Long, byte[]> votes = new TreeMap<>();
        for (long epoch = 0; epoch < EpochStatement.MAX_VOTES; epoch++) {
            votes.put(epoch, block(1));
        }
        List<EpochStatement> statements = keys.subList(1, 14).stream()
                .map(liar -> EpochStatement.of(many.hash(), 1, 5, votes, liar))
                .toList();
        Path other = folder.resolve("of-forty");
        LocalVoteSigner local = new LocalVoteSigner(keys.getFirst(), many.hash(), 40, folder.resolve("votes-of-forty"));
        SignerServer itsServer =
                new SignerServer(other, System.getProperty("user.name"), keys.getFirst(), many, local, e -> {});
        try (itsServer;
                RemoteSigner its = new RemoteSigner(other, many.hash())) {
            assertNotNull(its.vote(1, 5, block(2), statements));
        }
    }

    @Test
    void oneFullNodeAtATimeIsSignedFor() throws IOException {
        String why = assertThrows(SignerAwayException.class, () -> new RemoteSigner(socket, GENESIS.hash()))
                .getMessage();
        assertTrue(why.contains("another full node is connected to it"), why);
        signer.close();
        try (RemoteSigner next = new RemoteSigner(socket, GENESIS.hash())) {
            assertEquals(OWN.publicKey(), next.keys().publicKey());
        }
    }

    @Test
    void aSignerThatIsAwayIsFoundAgain() throws IOException {
        server.close();
        String why = assertThrows(SignerAwayException.class, () -> signer.vote(0, 1, block(1), List.of()))
                .getMessage();
        assertTrue(why.startsWith("The signer at " + socket + " does not answer: "), why);
        server = server();
        assertNotNull(signer.vote(0, 1, block(1), List.of()));
    }

    @Test
    void aHistoryThatKnowsLessThanBeforeSignsNothing() throws IOException {
        byte[] old = Files.exists(folder.resolve("votes")) ? Files.readAllBytes(folder.resolve("votes")) : new byte[0];
        signer.vote(0, 1, block(1), List.of());
        byte[] kept = Files.readAllBytes(folder.resolve("votes"));
        server.close();
        Files.write(folder.resolve("votes"), old);
        server = server();
        for (int i = 0; i < 2; i++) {
            String why = assertThrows(IOException.class, () -> signer.vote(0, 2, block(2), List.of()))
                    .getMessage();
            assertTrue(why.contains("knows less than it has signed for this full node"), why);
        }
        server.close();
        Files.write(folder.resolve("votes"), kept);
        server = server();
        assertNotNull(signer.vote(0, 2, block(2), List.of()));
    }

    @Test
    void epochStatementsSayWhatTheHistorySaysAndArePromises() throws IOException {
        signer.vote(0, 5, block(1), List.of());
        EpochStatement stated = signer.step(1, 5);
        assertTrue(stated.holds(GENESIS.hash(), OWN.publicKey()));
        assertArrayEquals(block(1), stated.votes().get(0L));
        String why = assertThrows(IOException.class, () -> signer.vote(0, 5, block(1), List.of()))
                .getMessage();
        assertTrue(why.contains("promised to sign nothing for it in epoch 0"), why);

        // Another block may be signed where others' statements exclude the first: signed ones, each full node's once.
        EpochStatement forged = EpochStatement.of(GENESIS.hash(), 1, 5, new TreeMap<>(), KeyPair.random());
        assertThrows(IOException.class, () -> signer.vote(1, 5, block(2), List.of(stated, forged, forged, forged)));
        EpochStatement one = EpochStatement.of(GENESIS.hash(), 1, 5, new TreeMap<>(), KEYS.get(1));
        assertThrows(IOException.class, () -> signer.vote(1, 5, block(2), List.of(stated, one, one, one)));
        List<EpochStatement> honest = List.of(
                stated,
                one,
                EpochStatement.of(GENESIS.hash(), 1, 5, new TreeMap<>(), KEYS.get(2)),
                EpochStatement.of(GENESIS.hash(), 1, 5, new TreeMap<>(), KEYS.get(3)));
        assertTrue(isVote(signer.vote(1, 5, block(2), honest), 1, 5, block(2)));
        assertThrows(IOException.class, () -> signer.step(2, 4), "what was signed of it is not known any more");
    }

    @Test
    void whatWasForgottenIsNotSigned() throws IOException {
        signer.forget(7);
        assertEquals(7, signer.signed().forgotten());
        assertThrows(IOException.class, () -> signer.vote(0, 7, block(1), List.of()));
        assertNotNull(signer.vote(0, 8, block(1), List.of()));
    }

    private Signed signed(Command... commands) {
        return Signed.of(GENESIS.hash(), signer.keys(), 1, commands);
    }

    private void requireRefused(String why, Runnable asked) {
        String said =
                assertThrows(UncheckedIOException.class, asked::run).getCause().getMessage();
        assertTrue(said.contains(why), said);
    }

    @Test
    void commandsAreReadAndThoseThatMoveMoneyAreRefused() throws IOException {
        Bytes32 any = Bytes32.of(block(9));
        assertTrue(signed(new Command.CommitVerdict(any, 0, block(1)), new Command.DeclineEscrow(any))
                .signatureHolds(GENESIS.hash()));
        for (Command money : List.of(
                new Command.Withdraw(5, "elsewhere"),
                new Command.Transfer(any, 5, Bytes32.ZERO),
                new Command.Bond(5),
                new Command.Unbond(5),
                new Command.FundFeed(any, 5),
                new Command.DepositMoney(any, 5, any))) {
            requireRefused(
                    "A full node has no " + money.getClass().getSimpleName() + " to give",
                    () -> signed(new Command.DeclineEscrow(any), money));
        }
        requireRefused(
                "are for another ledger",
                () -> Signed.of(Bytes32.ZERO, signer.keys(), 1, new Command.DeclineEscrow(any)));
        KeyPair asAnother = new KeyPair(KEYS.get(1).publicKey(), signer);
        requireRefused(
                "which is not here", () -> Signed.of(GENESIS.hash(), asAnother, 1, new Command.DeclineEscrow(any)));

        byte[] vote = signer.vote(0, 1, block(1), List.of());
        assertTrue(signed(new Command.CastVote(OWN.publicKey(), 0, 1, block(1), vote))
                .signatureHolds(GENESIS.hash()));
        requireRefused(
                "not in the signing history",
                () -> signed(new Command.CastVote(OWN.publicKey(), 0, 1, block(2), vote)));
        EpochStatement others = EpochStatement.of(GENESIS.hash(), 1, 1, new TreeMap<>(), KEYS.get(1));
        requireRefused("this key has not signed", () -> signed(new Command.StateEpoch(others)));
        assertTrue(signed(new Command.StateEpoch(signer.step(1, 1))).signatureHolds(GENESIS.hash()));
    }

    @Test
    void nothingIsSignedThatIsNotRead() {
        KeyPair keys = signer.keys();
        for (byte[] opaque : List.of(
                new byte[0],
                block(1),
                Certificate.message(GENESIS.hash(), 0, 1, block(1)),
                new CanonicalWriter()
                        .putText("plumbline session 1")
                        .putBytes32(Bytes32.ZERO)
                        .putFixed(new byte[32])
                        .toBytes(),
                (" ".repeat(64) + "TLS 1.3, other CertificateVerify\0" + "x".repeat(32))
                        .getBytes(StandardCharsets.US_ASCII))) {
            requireRefused("is not signed", () -> keys.sign(opaque));
        }
        byte[] session = new CanonicalWriter()
                .putText("plumbline session 1")
                .putBytes32(GENESIS.hash())
                .putFixed(new byte[32])
                .toBytes();
        assertTrue(KeyPair.verify(OWN.publicKey(), session, keys.sign(session)));
    }

    @Test
    void anotherNetworkAndAnotherVersionAreToldApart() throws IOException {
        signer.close();
        String why = assertThrows(IOException.class, () -> new RemoteSigner(socket, Bytes32.ZERO))
                .getMessage();
        assertTrue(why.contains("This signer is for the network with the genesis " + GENESIS.hash()), why);
        ByteBuffer answer = ask(SignerFrames.frame(
                SignerFrames.HELLO,
                new CanonicalWriter()
                        .putText("plumbline signer 2")
                        .putBytes32(GENESIS.hash())
                        .toBytes()));
        answer.getInt();
        assertEquals(SignerFrames.REFUSED, answer.get());
        why = StandardCharsets.UTF_8.decode(answer).toString();
        assertTrue(why.contains("run both from the same build"), why);
    }

    /** All that comes until the signer ends the connection, or so many bytes as an answer may have. */
    private ByteBuffer ask(ByteBuffer bytes) throws IOException {
        ByteBuffer in = ByteBuffer.allocate(4096);
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.shutdownOutput();
            while (channel.read(in) >= 0 && in.hasRemaining()) {
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            // The signer has ended it while this wrote.
        }
        return in.flip();
    }

    @Test
    void whateverElseIsSentTheSignerGoesOn() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        signer.close();
        for (int i = 0; i < 200; i++) {
            byte[] garbage = new byte[random.nextInt(2000)];
            random.nextBytes(garbage);
            ByteBuffer bytes = random.nextBoolean()
                    ? ByteBuffer.wrap(garbage)
                    : SignerFrames.frame((byte) random.nextInt(8), garbage);
            ByteBuffer answer = ask(bytes);
            if (answer.remaining() > SignerFrames.HEAD_BYTES) {
                assertEquals(SignerFrames.REFUSED, answer.get(Integer.BYTES), "seed " + seed);
            }
        }
        ByteBuffer tooLong = ByteBuffer.allocate(SignerFrames.HEAD_BYTES)
                .putInt(SignerFrames.MAX_BYTES + 1)
                .put(SignerFrames.HELLO)
                .flip();
        assertEquals(0, ask(tooLong).remaining(), "ended, and nothing is read for it");
        try (RemoteSigner next = new RemoteSigner(socket, GENESIS.hash())) {
            assertNotNull(next.vote(0, 1, block(1), List.of()), "seed " + seed);
        }
    }

    @Test
    void anotherUserIsSentAway() throws IOException {
        signer.close();
        server.close();
        server = new SignerServer(
                socket,
                "somebody-else",
                OWN,
                GENESIS,
                new LocalVoteSigner(OWN, GENESIS.hash(), 4, folder.resolve("votes")),
                e -> said.add(e.getMessage()));
        assertThrows(SignerAwayException.class, () -> new RemoteSigner(socket, GENESIS.hash()));
        assertTrue(
                said.stream().anyMatch(line -> line.contains("and somebody-else alone may: name another with")),
                () -> String.join("\n", said));
    }

    @Test
    void aFullNodesOwnHistoryMustBeKnownToItsSigner() throws IOException {
        Path full = Files.createDirectories(folder.resolve("full"));
        try (LocalVoteSigner before = new LocalVoteSigner(OWN, GENESIS.hash(), 4, full.resolve("votes"))) {
            before.vote(0, 3, block(3), List.of());
        }
        String why = assertThrows(IOException.class, () -> SigningHistory.requireIn(signer.signed(), full))
                .getMessage();
        assertTrue(why.contains("import-votes into the signer's --dir"), why);
        signer.vote(0, 4, block(4), List.of());
        SigningHistory.requireIn(signer.signed(), full);
    }
}
