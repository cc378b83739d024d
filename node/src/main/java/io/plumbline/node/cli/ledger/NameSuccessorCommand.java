package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger name-successor}. */
@Parameters(
        commandNames = "name-successor",
        commandDescription = "Name the key that may replace this one: at once without a stake, a week later with one.")
final class NameSuccessorCommand extends SessionCommand {
    @Parameter(names = "--successor", required = true, description = "KEY: public key of the successor")
    private String successor;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.NameSuccessor(PublicKeys.parse(successor, "--successor")));
    }
}
