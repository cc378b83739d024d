package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;

/** {@code plumbline ledger rotate-key}. */
@Parameters(
        commandNames = "rotate-key",
        commandDescription = "Have the successor that a key has named take over its money, stake and registrations.")
final class RotateKeyCommand extends SessionCommand {
    @Parameter(names = "--successor-key", required = true, description = "FILE: the successor's key")
    private Path successor;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        NamedPaths.requireFile("--successor-key", successor);
        KeyPair next = Network.readKey(successor);
        submit(ledger, Command.RotateKey.of(ledger.genesisHash(), keys.publicKey(), next));
    }
}
