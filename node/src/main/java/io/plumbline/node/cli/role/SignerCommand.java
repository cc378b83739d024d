package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.Check;
import io.plumbline.node.full.Signer;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** {@code plumbline signer}. */
@Parameters(
        commandNames = "signer",
        commandDescription = "Keep a full node's key and signing history, and sign for it over a socket of this host.")
public final class SignerCommand extends RoleCommand {
    @Parameter(
            names = "--socket",
            description = "PATH: where the full node connects (full-node --signer); \"signer\" in --dir where none is"
                    + " named")
    private Path socket;

    @Parameter(
            names = "--client-user",
            description = "NAME: the user that the full node runs as, and nobody else may connect as; this process's"
                    + " own where none is named")
    private String clientUser;

    @Override
    List<Check> ownChecks() {
        return List.of(() -> {
            if (clientUser != null && !clientUser.matches("[A-Za-z_][A-Za-z0-9_.-]{0,31}")) {
                throw new IOException("--client-user: " + clientUser + " is no name of a user.");
            }
        });
    }

    @Override
    RunningRole open(Network on, KeyPair keys, FaultListener faults) throws IOException {
        String user = clientUser == null ? System.getProperty("user.name") : clientUser;
        return Signer.launch(on, keys, dir, socket == null ? dir.resolve("signer") : socket, user, events);
    }
}
