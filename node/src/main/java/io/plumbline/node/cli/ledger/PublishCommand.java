package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger publish}. */
@Parameters(commandNames = "publish", commandDescription = "Say what a model id stands for.")
final class PublishCommand extends SessionCommand {
    @Parameter(names = "--model-id", required = true, description = "64 hexadecimal digits, as `model info` says")
    private String model;

    @Parameter(names = "--name", required = true, description = "for people")
    private String name;

    @Parameter(names = "--source", description = "where its files can be had")
    private String source = "";

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.RegisterModel(PublicKeys.parse(model, "--model-id"), name, source));
    }
}
