package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger deals}. */
@Parameters(
        commandNames = "deals",
        commandDescription = "List an account's storage deals: those that it pays for, holds, or is asked to hold.")
final class DealsCommand extends SessionCommand {
    @Parameter(names = "--of", description = "KEY: of another account, 64 hexadecimal digits")
    private String of;

    @Parameter(names = "--json", description = "print one JSON object a line")
    private boolean json;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        Bytes32 account = of == null ? keys.publicKey() : PublicKeys.parse(of, "--of");
        for (StorageDeal deal : ledger.deals(account, StorageDeal.Role.ANY, -1)) {
            System.out.println(
                    json
                            ? DealText.json(deal)
                            : deal.number() + "  " + DealText.phase(deal) + "  "
                                    + deal.proven() + " of " + deal.terms().rounds() + " rounds  blob "
                                    + deal.terms().blob().toString() + "  data node "
                                    + DealText.node(deal) + "  " + DealText.next(deal));
        }
    }
}
