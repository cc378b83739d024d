package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.FeedReading;
import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.FeedValue;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger feed}: one full node's word, which a proof makes certain. */
@Parameters(
        commandNames = "feed",
        commandDescription = "Show a feed and its latest value; fails where that is too old, or there is none.")
final class FeedCommand extends SessionCommand {
    @Parameter(description = "ID: 64 hexadecimal digits, as `feeds` says", required = true)
    private String id;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        FeedReading reading = ledger.feed(PublicKeys.parse(id, "A feed's id"));
        if (reading == null) {
            throw new IOException("There is no feed " + id + "; `ledger feeds` lists those that there are.");
        }
        DeclaredFeed declared = reading.declared();
        Feed feed = declared.feed();
        System.out.println("name      " + feed.name());
        System.out.println("owner     " + feed.owner());
        System.out.println("policy    " + feed.policy());
        System.out.println("bounds    " + FeedText.of(feed.least(), feed) + " to " + FeedText.of(feed.most(), feed));
        System.out.println("rounds    of " + feed.roundMs() + " ms, " + feed.leastReports() + " reports or more, "
                + declared.missed() + " missed");
        System.out.println("fund      " + declared.fund() + ", pays " + feed.pay() + " a report");
        FeedValue value = reading.value();
        if (value == null) {
            throw new IOException(
                    reading.isStale()
                            ? "The latest value is older than " + feed.maxAgeMs() + " ms, and not to be used."
                            : "No round has had a value yet.");
        }
        System.out.println("value     " + FeedText.of(value.value(), feed));
        System.out.println("spread    " + FeedText.of(value.spread(), feed));
        System.out.println("reports   " + value.reports());
        value.outliers().forEach(node -> System.out.println("outlier   " + node));
        System.out.println("age       " + (reading.timeMs() - value.timeMs()) + " ms, of at most " + feed.maxAgeMs());
    }
}
