package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code plumbline ledger propose}. */
@Parameters(
        commandNames = "propose",
        commandDescription = "Wish for other parameters; a quorum of full nodes that wish the same has them.")
final class ProposeCommand extends AskCommand {
    @Parameter(names = "--set", required = true, description = ParameterChanges.HELP)
    private List<String> parameters = new ArrayList<>();

    @Override
    String line() throws IOException {
        ParameterChanges.of(parameters);
        return "propose " + String.join(" ", parameters);
    }
}
