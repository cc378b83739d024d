package io.plumbline.node.full;

import io.plumbline.ledger.cluster.LocalVoteSigner;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.signer.SignerServer;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The process that has a full node's key: what it signs is in a signing history of its own. */
public final class Signer implements RunningRole {
    private final SignerServer server;

    private Signer(SignerServer server) {
        this.server = server;
    }

    /**
     * Starts it.
     *
     * @param folder of its signing history.
     * @param socket that the full node connects to.
     * @param user that the full node runs as.
     * @throws IOException where it cannot start: another process signs by the history, or the socket cannot be made.
     */
    public static Signer launch(Network on, KeyPair keys, Path folder, Path socket, String user, Events events)
            throws IOException {
        if (on.genesis().place(keys.publicKey()) < 0) {
            throw new IOException("The key file is not one of this network's full nodes.");
        }
        LocalVoteSigner votes = new LocalVoteSigner(
                keys,
                on.genesis().hash(),
                on.genesis().fullNodes().size(),
                Files.createDirectories(folder).resolve(SigningHistory.FILE));
        try {
            SignerServer server = new SignerServer(
                    socket, user, keys, on.genesis(), votes, e -> events.emit(new Event.Warning(e.getMessage())));
            events.emit(new Event.Ready("signer", keys.publicKey().toString(), null, null));
            return new Signer(server);
        } catch (IOException | RuntimeException e) {
            votes.close();
            throw e;
        }
    }

    @Override
    public String notReady() {
        return server.isConnected() ? null : "no full node is connected";
    }

    @Override
    public void close() {
        server.close();
    }
}
