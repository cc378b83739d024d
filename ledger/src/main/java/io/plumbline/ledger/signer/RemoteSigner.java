package io.plumbline.ledger.signer;

import io.plumbline.ledger.cluster.SignerAwayException;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.cluster.VoteSigner;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.RemoteSecret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collection;
import java.util.concurrent.TimeUnit;

/**
 * A full node's side of its {@link SignerServer}: connects again when the signer was started again, and signs nothing
 * by one that knows less than it has signed before. Safe for many threads.
 */
public final class RemoteSigner implements VoteSigner, RemoteSecret {
    /** How long a signer that is started again is waited for. */
    private static final long AWAY_NS = TimeUnit.SECONDS.toNanos(2);

    private static final long RETRY_MS = 50;

    /** Longest wait for an answer: the signer writes to its disk before it gives one. */
    private static final long ANSWER_NS = TimeUnit.SECONDS.toNanos(10);

    private final Path socket;
    private final Bytes32 genesisHash;
    private SocketChannel channel;
    private Selector selector;
    private SigningHistory known;
    private boolean isAway;
    private boolean isClosed;

    /** The signer's own word that it does not sign this. */
    private static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /**
     * Connects.
     *
     * @param socket of the signer.
     * @param genesisHash of the ledger.
     * @throws IOException where no signer is there, it is another network's, or another full node uses it.
     */
    public RemoteSigner(Path socket, Bytes32 genesisHash) throws IOException {
        this.socket = socket;
        this.genesisHash = genesisHash;
        call(SignerFrames.MESSAGE, null);
    }

    /** The key that the signer has. */
    public synchronized KeyPair keys() {
        return new KeyPair(known.fullNode(), this);
    }

    @Override
    public synchronized SigningRecord signed() {
        return known.signed();
    }

    @Override
    public byte[] sign(byte[] message) {
        return signature(SignerFrames.MESSAGE, message);
    }

    /** The signer hashes it itself: it reads what it signs. */
    @Override
    public byte[] sign(Domain domain, byte[] content) {
        return signature(SignerFrames.COMMANDS, content);
    }

    private byte[] signature(byte kind, byte[] body) {
        try {
            return call(kind, body);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public byte[] vote(long epoch, long number, byte[] hash, Collection<EpochStatement> statements) throws IOException {
        CanonicalWriter out = new CanonicalWriter()
                .putLong(epoch)
                .putLong(number)
                .putFixed(hash)
                .putInt(statements.size());
        statements.forEach(one -> one.write(out));
        byte[] signature = call(SignerFrames.VOTE, out.toBytes());
        if (signature.length == 0) {
            return null;
        }
        knows(signed().voted(epoch, number, hash));
        return signature;
    }

    @Override
    public EpochStatement step(long epoch, long number) throws IOException {
        byte[] answer = call(
                SignerFrames.STEP,
                new CanonicalWriter().putLong(epoch).putLong(number).toBytes());
        CanonicalReader in = new CanonicalReader(answer, "signer's answer");
        try {
            EpochStatement statement = EpochStatement.read(in);
            in.end();
            knows(signed().promise(number, epoch));
            return statement;
        } catch (MalformedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public void forget(long upTo) throws IOException {
        call(SignerFrames.FORGET, new CanonicalWriter().putLong(upTo).toBytes());
        knows(signed().forget(upTo));
    }

    private synchronized void knows(SigningRecord now) {
        known = new SigningHistory(genesisHash, known.fullNode(), now);
    }

    /** @param body null to connect alone. */
    private synchronized byte[] call(byte kind, byte[] body) throws IOException {
        long end = System.nanoTime() + (isAway ? 0 : AWAY_NS);
        while (true) {
            try {
                if (isClosed) {
                    throw new IOException("the full node is closing");
                }
                connect();
                byte[] answer = body == null ? null : exchange(kind, body);
                isAway = false;
                return answer;
            } catch (RefusedException e) {
                throw new IOException(e.getMessage(), e);
            } catch (IOException e) {
                disconnect();
                if (isClosed || System.nanoTime() > end) {
                    isAway = true;
                    throw new SignerAwayException(
                            "The signer at " + socket + " does not answer: " + e.getMessage()
                                    + ". Nothing is signed until it runs: ./plumbline signer.",
                            e);
                }
                pause();
            }
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(RETRY_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while waiting for the signer.", e);
        }
    }

    private void connect() throws IOException {
        if (channel != null) {
            return;
        }
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        channel.configureBlocking(false);
        selector = Selector.open();
        channel.register(selector, SelectionKey.OP_READ);
        try {
            hello();
        } catch (RefusedException e) {
            disconnect();
            throw e;
        }
    }

    private void hello() throws IOException {
        byte[] answer = exchange(
                SignerFrames.HELLO,
                new CanonicalWriter()
                        .putText(SignerFrames.VERSION)
                        .putBytes32(genesisHash)
                        .toBytes());
        SigningHistory now;
        try {
            now = SigningHistory.decode(answer);
        } catch (MalformedException e) {
            throw new RefusedException(e.getMessage());
        }
        String fault = known == null ? null : fault(now);
        if (fault != null) {
            throw new RefusedException(fault);
        }
        known = now;
    }

    /** Why this is not the signer from before, or null. */
    private String fault(SigningHistory now) {
        if (!now.fullNode().equals(known.fullNode())) {
            return "The signer at " + socket + " has another key now, " + now.fullNode() + ".";
        }
        boolean isKept;
        try {
            isKept = known.signed().and(now.signed()).says(now.signed());
        } catch (IllegalArgumentException e) {
            isKept = false;
        }
        return isKept
                ? null
                : "The signing history of the signer at " + socket + " knows less than it has signed for this full"
                        + " node: an old one was put back, or it was lost. Put the right one there; nothing is signed"
                        + " by this one.";
    }

    private byte[] exchange(byte kind, byte[] body) throws IOException {
        long end = System.nanoTime() + ANSWER_NS;
        if (body.length >= SignerFrames.MAX_BYTES) {
            throw new RefusedException("A request of " + body.length + " bytes is longer than a signer takes.");
        }
        ByteBuffer out = SignerFrames.frame(kind, body);
        while (out.hasRemaining()) {
            if (channel.write(out) == 0) {
                await(SelectionKey.OP_WRITE, end);
            }
        }
        ByteBuffer head = read(SignerFrames.HEAD_BYTES, end);
        int bytes = SignerFrames.bodyBytes(head.getInt());
        byte answered = head.get();
        byte[] answer = read(bytes, end).array();
        return switch (answered) {
            case SignerFrames.DONE -> answer;
            case SignerFrames.BUSY ->
                throw new IOException("another full node is connected to it, and it signs for one at a time");
            case SignerFrames.REFUSED -> throw new RefusedException(new String(answer, StandardCharsets.UTF_8));
            default -> throw new IOException("it answers by kind " + answered + ", which is none");
        };
    }

    private ByteBuffer read(int bytes, long end) throws IOException {
        ByteBuffer in = ByteBuffer.allocate(bytes);
        while (in.hasRemaining()) {
            int read = channel.read(in);
            if (read < 0) {
                throw new IOException("it has ended the connection");
            }
            if (read == 0) {
                await(SelectionKey.OP_READ, end);
            }
        }
        return in.flip();
    }

    private void await(int operation, long end) throws IOException {
        channel.keyFor(selector).interestOps(operation);
        long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        if (leftMs <= 0 || selector.select(leftMs) == 0 && System.nanoTime() > end) {
            throw new IOException("nothing came for " + TimeUnit.NANOSECONDS.toSeconds(ANSWER_NS) + " s");
        }
        selector.selectedKeys().clear();
    }

    private void disconnect() {
        try {
            if (selector != null) {
                selector.close();
            }
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // It is gone either way.
        }
        selector = null;
        channel = null;
    }

    @Override
    public synchronized void close() {
        isClosed = true;
        disconnect();
    }
}
