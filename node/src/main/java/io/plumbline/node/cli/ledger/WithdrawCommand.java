package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger withdraw}. */
@Parameters(commandNames = "withdraw", commandDescription = "Have money paid out outside, once it is certified.")
final class WithdrawCommand extends SessionCommand {
    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Parameter(names = "--destination", required = true, description = "where the bank is to pay it")
    private String destination;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.Withdraw(amount, destination));
    }
}
