package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** {@code plumbline ledger deposit}. */
@Parameters(commandNames = "deposit", commandDescription = "As the bank: say that money came in from outside.")
final class DepositCommand extends SessionCommand {
    @Parameter(names = "--to", required = true, description = "KEY: account, 64 hexadecimal digits")
    private String to;

    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Parameter(
            names = "--reference",
            required = true,
            description =
                    "TEXT: names the payment outside, as an invoice's number does; one that was named before counts no more."
                            + " 64 hexadecimal digits stand for themselves, other texts for their BLAKE3")
    private String reference;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        byte[] name = PublicKeys.is(reference)
                ? PublicKeys.parse(reference, "--reference").bytes()
                : Blake3.hash(reference.getBytes(StandardCharsets.UTF_8));
        submit(ledger, new Command.DepositMoney(PublicKeys.parse(to, "--to"), amount, Bytes32.of(name)));
    }
}
