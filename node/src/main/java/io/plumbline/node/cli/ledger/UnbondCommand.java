package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger unbond}. */
@Parameters(commandNames = "unbond", commandDescription = "Ask a stake back; it answers for its owner a while longer.")
final class UnbondCommand extends SessionCommand {
    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.Unbond(amount));
    }
}
