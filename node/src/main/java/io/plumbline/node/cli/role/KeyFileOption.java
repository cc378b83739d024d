package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;

/** A role's key by its file. */
final class KeyFileOption implements KeyOption {
    @Parameter(
            names = "--key",
            required = true,
            description = "FILE: this role's Ed25519 key, or in TOML where a PKCS#11 token has it")
    private Path key;

    KeyFileOption() {}

    KeyFileOption(Path key) {
        this.key = key;
    }

    @Override
    public void require() throws IOException {
        NamedPaths.requireFile("--key", key);
        Network.readKey(key);
    }

    @Override
    public KeyPair open(Network on) throws IOException {
        return Network.readKey(key);
    }
}
