package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import java.io.IOException;

/** {@code plumbline ledger request}. */
@Parameters(commandNames = "request", commandDescription = "Show what became of a request, however long ago.")
final class RequestCommand extends AskCommand {
    @Parameter(names = "--request", required = true, description = "HASH: 64 hexadecimal digits")
    private String request;

    @Override
    String line() throws IOException {
        return "request " + PublicKeys.parse(request, "--request").toString();
    }
}
