package io.plumbline.node.cli.ledger;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline ledger}: what operators of full nodes and owners of accounts do with the ledger. */
@Parameters(commandNames = "ledger", commandDescription = "Operate a full node's ledger, or an account on it.")
public final class LedgerCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander ledger) {
        for (String order : new String[] {"status", "snapshot", "purge", "step-on"}) {
            ledger.addCommand(order, new OrderCommand(order));
        }
        ledger.addCommand(new BlockCommand());
        ledger.addCommand(new RequestCommand());
        ledger.addCommand(new CopyIndexCommand());
        ledger.addCommand(new ProposeCommand());
        ledger.addCommand(new NewKeyCommand());
        ledger.addCommand(new PublicKeyCommand());
        ledger.addCommand(new NewNetworkCommand());
        ledger.addCommand(new BackupCommand());
        ledger.addCommand(new InvalidateSnapshotCommand());
        ledger.addCommand(new OpenArchivedCommand());
        ledger.addCommand(new ReadSnapshotCommand());
        ledger.addCommand(new ExportVotesCommand());
        ledger.addCommand(new ImportVotesCommand());
        ledger.addCommand(new AccountCommand());
        ledger.addCommand(new DepositCommand());
        ledger.addCommand(new WithdrawCommand());
        ledger.addCommand(new PayCommand());
        ledger.addCommand(new BondCommand());
        ledger.addCommand(new UnbondCommand());
        ledger.addCommand(new NameSuccessorCommand());
        ledger.addCommand(new RotateKeyCommand());
        ledger.addCommand(new PublishCommand());
        ledger.addCommand(new AccuseCommand());
        ledger.addCommand(new DeclareFeedCommand());
        ledger.addCommand(new FundFeedCommand());
        ledger.addCommand(new FeedsCommand());
        ledger.addCommand(new FeedCommand());
        ledger.addCommand(new ProposeDealCommand());
        ledger.addCommand(new DealsCommand());
        ledger.addCommand(new DealCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException(
                "Say what to do with the ledger: a full node's status, snapshot, purge, step-on, block, request, propose,"
                        + " copy-index, backup, invalidate-snapshot, read-snapshot, export-votes, import-votes; a new network's"
                        + " new-key, new-network; an account's account, deposit, withdraw, pay, bond, unbond, name-successor,"
                        + " rotate-key, publish, accuse,"
                        + " declare-feed, fund-feed, feeds, feed, propose-deal, deals, deal.");
    }
}
