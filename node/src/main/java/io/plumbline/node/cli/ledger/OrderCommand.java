package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameters;

/** {@code plumbline ledger status, snapshot, purge, step-on}: orders without an argument. */
@Parameters(commandDescription = "Have the full node that runs with --dir say how it stands, or do this.")
final class OrderCommand extends AskCommand {
    private final String order;

    OrderCommand(String order) {
        this.order = order;
    }

    @Override
    String line() {
        return order;
    }
}
