package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.Succession;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger account}. */
@Parameters(commandNames = "account", commandDescription = "Show an account's balance, stake and successor.")
final class AccountCommand extends SessionCommand {
    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        Account account = ledger.account(keys.publicKey());
        System.out.println("key        " + keys.publicKey());
        System.out.println("balance    " + account.balance());
        System.out.println("stake      " + account.stake());
        System.out.println("unbonding  " + account.unbonding()
                + (account.unbonding() == 0 ? "" : ", free at " + account.releaseMs() + " ms"));
        Succession succession = ledger.succession(keys.publicKey());
        if (succession != null) {
            System.out.println("successor  " + shown(succession));
        }
    }

    private static String shown(Succession one) {
        String named = one.named().equals(Bytes32.ZERO) ? "none" : one.named().toString();
        if (one.isReplaced()) {
            return named + ", which has replaced this key";
        }
        boolean isPending = !one.pending().equals(Bytes32.ZERO);
        return named + (isPending ? ", from " + one.pendingMs() + " ms on " + one.pending() : "");
    }
}
