package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger pay}. */
@Parameters(commandNames = "pay", commandDescription = "Pay another account, once it is certified.")
final class PayCommand extends SessionCommand {
    @Parameter(names = "--to", required = true, description = "KEY: account, 64 hexadecimal digits")
    private String to;

    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Parameter(
            names = "--reference",
            description = "HEX: what it is for, 64 hexadecimal digits that its payee has named, and looks for")
    private String reference = "00".repeat(32);

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        Bytes32 payee = PublicKeys.parse(to, "--to");
        submit(ledger, new Command.Transfer(payee, amount, PublicKeys.parse(reference, "--reference")));
    }
}
