package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;

/** {@code plumbline ledger block}. */
@Parameters(commandNames = "block", commandDescription = "Show a certified block, and its proof by the last one.")
final class BlockCommand extends AskCommand {
    @Parameter(names = "--number", required = true, description = "of the block")
    private long number;

    @Override
    String line() {
        return "block " + number;
    }
}
