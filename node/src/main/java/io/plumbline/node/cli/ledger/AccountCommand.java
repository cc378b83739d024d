package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Account;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger account}. */
@Parameters(commandNames = "account", commandDescription = "Show an account's balance and stake.")
final class AccountCommand extends SessionCommand {
    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        Account account = ledger.account(keys.publicKey());
        System.out.println("key        " + keys.publicKey());
        System.out.println("balance    " + account.balance());
        System.out.println("stake      " + account.stake());
        System.out.println("unbonding  " + account.unbonding()
                + (account.unbonding() == 0 ? "" : ", free at " + account.releaseMs() + " ms"));
    }
}
