package io.plumbline.ledger.signer;

import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.cluster.VoteSigner;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;

/**
 * Signs for one full node at a time, over a Unix-domain socket that one user may connect to. It reads all that it
 * signs: votes and statements are held to its own signing history, commands to those that a full node has to give.
 */
public final class SignerServer implements AutoCloseable {
    /** Connections that have not said hello yet, or were refused, at most. */
    private static final int MAX_CONNECTIONS = 16;

    private final Path socket;
    private final String user;
    private final KeyPair keys;
    private final Bytes32 genesisHash;
    private final int fullNodes;
    private final VoteSigner votes;
    private final SigningPolicy policy;
    private final Consumer<Throwable> onError;
    private final ServerSocketChannel server;
    private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();

    /** The full node's; null while none is connected. */
    private SocketChannel connected;

    /**
     * Opens the socket.
     *
     * @param socket path; what is there is removed.
     * @param user who may connect.
     * @param keys of the full node.
     * @param votes signs by its history; nobody else may use it. Closed with this.
     * @param onError hears what was refused, and what went wrong.
     * @throws IOException where the socket cannot be made.
     */
    public SignerServer(
            Path socket, String user, KeyPair keys, Genesis genesis, VoteSigner votes, Consumer<Throwable> onError)
            throws IOException {
        this.socket = socket;
        this.user = user;
        this.keys = keys;
        this.genesisHash = genesis.hash();
        this.fullNodes = genesis.fullNodes().size();
        this.votes = votes;
        this.policy = new SigningPolicy(genesisHash, genesis.fullNodes(), keys.publicKey());
        this.onError = onError;
        Files.deleteIfExists(socket);
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(socket));
        } catch (SocketException e) {
            server.close();
            throw new IOException(
                    "--socket: " + socket + " cannot be made: " + e.getMessage()
                            + ". Its path may have about 100 characters; choose a shorter one.",
                    e);
        }
        boolean isOwn = user.equals(System.getProperty("user.name"));
        // Whom the socket lets in is decided by the user that the kernel names.
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString(isOwn ? "rw-------" : "rw-rw-rw-"));
        Thread.ofPlatform().daemon().name("signer").start(this::accept);
    }

    /** Whether a full node is connected. */
    public synchronized boolean isConnected() {
        return connected != null;
    }

    private void accept() {
        while (server.isOpen()) {
            try {
                SocketChannel client = server.accept();
                if (connections.size() >= MAX_CONNECTIONS) {
                    client.close();
                } else {
                    connections.add(client);
                    Thread.ofPlatform().daemon().name("signer-client").start(() -> serve(client));
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                onError.accept(e);
            }
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            UnixDomainPrincipal peer = client.getOption(ExtendedSocketOptions.SO_PEERCRED);
            if (!peer.user().getName().equals(user)) {
                throw new IOException("User " + peer.user().getName() + " has connected, and " + user
                        + " alone may: name another with --client-user.");
            }
            while (true) {
                ByteBuffer head = read(client, SignerFrames.HEAD_BYTES);
                int bytes = SignerFrames.bodyBytes(head.getInt());
                byte kind = head.get();
                byte[] body = read(client, bytes).array();
                ByteBuffer answer = answer(client, kind, body);
                while (answer.hasRemaining()) {
                    client.write(answer);
                }
            }
        } catch (EOFException | ClosedChannelException e) {
            // The full node has ended, or this.
        } catch (IOException | RuntimeException e) {
            onError.accept(new IOException("A connection was ended: " + e.getMessage(), e));
        } finally {
            connections.remove(client);
            leave(client);
        }
    }

    private static ByteBuffer read(SocketChannel client, int bytes) throws IOException {
        ByteBuffer in = ByteBuffer.allocate(bytes);
        while (in.hasRemaining()) {
            if (client.read(in) < 0) {
                throw new EOFException();
            }
        }
        return in.flip();
    }

    private synchronized void leave(SocketChannel client) {
        if (connected == client) {
            connected = null;
        }
    }

    /** One at a time: what is signed is in the history before the next is looked at. */
    private synchronized ByteBuffer answer(SocketChannel client, byte kind, byte[] body) {
        if (connected != null && connected != client) {
            return SignerFrames.frame(SignerFrames.BUSY, new byte[0]);
        }
        try {
            CanonicalReader in = new CanonicalReader(body, "request to the signer");
            byte[] done;
            if (kind == SignerFrames.HELLO) {
                done = hello(client, in);
            } else if (connected == client) {
                done = signed(kind, body, in);
            } else {
                throw new MalformedException("A connection begins with its version.");
            }
            return SignerFrames.frame(SignerFrames.DONE, done);
        } catch (IOException | MalformedException e) {
            return refused(e, e.getMessage());
        } catch (UncheckedIOException e) {
            return refused(e, e.getCause().getMessage());
        }
    }

    private ByteBuffer refused(Exception why, String message) {
        String line = message == null ? why.toString() : message;
        onError.accept(new IOException("Not signed: " + line, why));
        return SignerFrames.frame(
                SignerFrames.REFUSED,
                line.substring(0, Math.min(line.length(), SignerFrames.MAX_REFUSAL))
                        .getBytes(StandardCharsets.UTF_8));
    }

    private byte[] hello(SocketChannel client, CanonicalReader in) {
        String version = in.getText("version");
        if (!version.equals(SignerFrames.VERSION)) {
            throw new MalformedException("This signer speaks \"" + SignerFrames.VERSION
                    + "\", and the full node another version: run both from the same build.");
        }
        Bytes32 ledger = in.getBytes32("genesis");
        in.end();
        if (!ledger.equals(genesisHash)) {
            throw new MalformedException("This signer is for the network with the genesis " + genesisHash
                    + ", and the full node is of another, with " + ledger + ".");
        }
        connected = client;
        return new SigningHistory(genesisHash, keys.publicKey(), votes.signed()).encode();
    }

    private byte[] signed(byte kind, byte[] body, CanonicalReader in) throws IOException {
        switch (kind) {
            case SignerFrames.COMMANDS -> {
                Signed commands = policy.commands(body, votes.signed());
                return commands.signature(genesisHash, keys);
            }
            case SignerFrames.MESSAGE -> {
                policy.message(body);
                return keys.sign(body);
            }
            case SignerFrames.VOTE -> {
                long epoch = notNegative(in, "epoch");
                long number = notNegative(in, "block number");
                byte[] hash = in.getFixed(Bytes32.BYTES, "header hash");
                List<EpochStatement> statements = statements(in);
                in.end();
                byte[] signature = votes.vote(epoch, number, hash, policy.checked(statements));
                return signature == null ? new byte[0] : signature;
            }
            case SignerFrames.STEP -> {
                long epoch = notNegative(in, "epoch");
                long number = notNegative(in, "block number");
                in.end();
                CanonicalWriter out = new CanonicalWriter();
                votes.step(epoch, number).write(out);
                return out.toBytes();
            }
            case SignerFrames.FORGET -> {
                long upTo = notNegative(in, "block number");
                in.end();
                votes.forget(upTo);
                return new byte[0];
            }
            default ->
                throw new MalformedException("This signer signs nothing of kind " + kind
                        + ": run it and the full node from the same build.");
        }
    }

    private static long notNegative(CanonicalReader in, String field) {
        long value = in.getLong(field);
        if (value < 0) {
            throw new MalformedException("Malformed request to the signer: " + field + " is " + value + ".");
        }
        return value;
    }

    private List<EpochStatement> statements(CanonicalReader in) {
        int count = in.getInt("statements");
        if (count < 0 || count > fullNodes) {
            throw new MalformedException("Malformed request to the signer: it has " + count + " statements.");
        }
        List<EpochStatement> statements = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            statements.add(EpochStatement.read(in));
        }
        return statements;
    }

    @Override
    public void close() {
        try {
            server.close();
            for (SocketChannel client : connections) {
                client.close();
            }
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            onError.accept(e);
        }
        synchronized (this) {
            votes.close();
        }
    }
}
