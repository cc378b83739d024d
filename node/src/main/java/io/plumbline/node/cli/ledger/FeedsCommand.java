package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Feed;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger feeds}. */
@Parameters(commandNames = "feeds", commandDescription = "List the feeds that are declared.")
final class FeedsCommand extends SessionCommand {
    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        for (Feed feed : ledger.feeds()) {
            System.out.println(feed.id().toString() + "  every " + feed.roundMs() + " ms  " + feed.name()
                    + (feed.unit().isEmpty() ? "" : " in " + feed.unit()));
        }
    }
}
