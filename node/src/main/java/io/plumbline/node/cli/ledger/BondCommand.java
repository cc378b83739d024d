package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger bond}. */
@Parameters(commandNames = "bond", commandDescription = "Move money from the balance to the stake.")
final class BondCommand extends SessionCommand {
    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.Bond(amount));
    }
}
