package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger fund-feed}. */
@Parameters(
        commandNames = "fund-feed",
        commandDescription = "Give money to what a feed's reports are paid from; it does not come back.")
final class FundFeedCommand extends SessionCommand {
    @Parameter(names = "--feed", required = true, description = "ID: 64 hexadecimal digits, as `feeds` says")
    private String feed;

    @Parameter(names = "--amount", required = true, description = "in the smallest unit")
    private long amount;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        submit(ledger, new Command.FundFeed(PublicKeys.parse(feed, "--feed"), amount));
    }
}
