package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.node.cli.Milliseconds;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.math.BigDecimal;

/** {@code plumbline ledger declare-feed}. */
@Parameters(commandNames = "declare-feed", commandDescription = "Declare an outside fact that data nodes may report.")
final class DeclareFeedCommand extends SessionCommand {
    @Parameter(names = "--name", required = true, description = "what it is, for people")
    private String name;

    @Parameter(names = "--unit", description = "of its values, as USD or degC")
    private String unit = "";

    @Parameter(names = "--decimals", description = "of its values, 0 to 18")
    private int decimals;

    @Parameter(names = "--least", required = true, description = "the smallest value that is taken, as -50.0")
    private BigDecimal least;

    @Parameter(names = "--most", required = true, description = "the largest value that is taken")
    private BigDecimal most;

    @Parameter(
            names = "--round",
            required = true,
            converter = Milliseconds.class,
            description = "TIME: how often it has a value, as 60s; 1s to 7d")
    private long roundMs;

    @Parameter(
            names = "--report",
            required = true,
            converter = Milliseconds.class,
            description = "TIME: from a round's begin in which reports are taken; at most the round, and an hour")
    private long reportMs;

    @Parameter(names = "--least-reports", description = "without which a round has no value, 1 to 64")
    private int leastReports = 3;

    @Parameter(
            names = "--max-age",
            required = true,
            converter = Milliseconds.class,
            description = "TIME: how old a value may be and still be used; a round or more")
    private long maxAgeMs;

    @Parameter(
            names = "--policy",
            required = true,
            description = "HEX: BLAKE3 of the text that says where and how it is fetched, which data nodes keep")
    private String policy;

    @Parameter(names = "--pay", description = "for each report that counts, from the feed's fund")
    private long pay;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        Feed feed = new Feed(
                keys.publicKey(),
                name,
                unit,
                decimals,
                FeedText.scaled(least, decimals, "--least"),
                FeedText.scaled(most, decimals, "--most"),
                roundMs,
                reportMs,
                leastReports,
                maxAgeMs,
                PublicKeys.parse(policy, "--policy"),
                pay);
        if (feed.fault() != null) {
            throw new IOException("The ledger takes no such feed: " + feed.fault() + ".");
        }
        submit(ledger, new Command.DeclareFeed(feed));
        System.out.println("feed " + feed.id());
    }
}
