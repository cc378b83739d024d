package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** {@code plumbline ledger deal}: one full node's word, which a proof makes certain. */
@Parameters(
        commandNames = "deal",
        commandDescription = "Show a storage deal; fails where it ended before all rounds were proven.")
final class DealCommand extends SessionCommand {
    @Parameter(description = "NUMBER: as `deals` says", required = true)
    private String text;

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        if (!text.matches("\\d{1,18}")) {
            throw new IOException("A deal's number is digits, as `ledger deals` prints it, not " + text + ".");
        }
        long number = Long.parseLong(text);
        StorageDeal deal = ledger.deal(number);
        if (deal == null) {
            throw new IOException("There is no storage deal " + number + ", or not any more: those that ended leave the"
                    + " ledger after a day.");
        }
        if (json) {
            System.out.println(DealText.json(deal));
        } else {
            print(deal);
        }
        if (deal.phase() == StorageDeal.Phase.LAPSED) {
            throw new IOException("No data node took it" + (deal.losses() > 0 ? " on" : "") + ": " + deal.proven()
                    + " of " + deal.terms().rounds() + " rounds were proven.");
        }
    }

    private static void print(StorageDeal deal) {
        StorageTerms terms = deal.terms();
        System.out.println("phase       " + DealText.phase(deal) + "; " + DealText.next(deal));
        System.out.println("client      " + deal.client());
        System.out.println("data node   " + DealText.node(deal));
        System.out.println("blob        " + terms.blob() + ", " + terms.bytes() + " bytes");
        System.out.println("rounds      " + deal.proven() + " of " + terms.rounds() + " proven, of " + terms.roundMs()
                + " ms, each answered within " + terms.proofMs() + " ms with " + terms.chunks() + " chunks");
        System.out.println("price       " + terms.price() + " a round, " + deal.escrow() + " in escrow");
        System.out.println("collateral  " + terms.collateral());
        System.out.println("losses      " + deal.losses());
    }
}
