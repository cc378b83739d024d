package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.ledger.signer.RemoteSigner;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;

/** A full node's key by its file, or the signer that has it. */
final class FullNodeKeyOption implements KeyOption {
    @Parameter(
            names = "--key",
            description = "FILE: this full node's Ed25519 key, or in TOML where a PKCS#11 token has it; --signer in its"
                    + " place keeps it out of this process")
    private Path key;

    @Parameter(
            names = "--signer",
            description = "SOCKET: of the plumbline signer that has this full node's key and signing history; in place"
                    + " of --key")
    private Path signer;

    private RemoteSigner remote;

    @Override
    public void require() throws IOException {
        if (key == null && signer == null) {
            throw new IOException("--key or --signer is required: the file of this full node's key, or its signer.");
        }
        if (key != null && signer != null) {
            throw new IOException("--key and --signer exclude each other: one of them signs. Leave one out.");
        }
        if (key != null) {
            NamedPaths.requireFile("--key", key);
            Network.readKey(key);
        } else {
            NamedPaths.requireThere("--signer", signer);
        }
    }

    @Override
    public KeyPair open(Network on) throws IOException {
        if (signer == null) {
            return Network.readKey(key);
        }
        remote = new RemoteSigner(signer, on.genesis().hash());
        return remote.keys();
    }

    /** What was opened; null where the key is a file. */
    RemoteSigner remote() {
        return remote;
    }
}
