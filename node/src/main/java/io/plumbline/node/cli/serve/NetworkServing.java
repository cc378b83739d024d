package io.plumbline.node.cli.serve;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Account;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LedgerWait;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.transport.Media;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model served on a network: an inference node whose account is looked at before the model is loaded. Its events go
 * to standard output, what its operator is told to standard error.
 *
 * @param node with the place below.
 * @param stake that it will put up.
 */
record NetworkServing(InferenceNodeCommand node, InferenceNodeCommand.Place place, long stake) {
    /** Of the stake: so much is in the account of a node that can work for a while, for what requests reserve. */
    private static final int SUGGESTED = 2;

    /** @return the exit code of the process. */
    int run() throws Exception {
        Network network = Network.read(place.network());
        KeyPair keys = Network.readKey(place.key());
        tell("account   " + keys.publicKey() + ", its key in " + place.key());
        Account account = account(network, keys);
        if (account.balance() + account.stake() < stake) {
            tell("to do     the account has " + account.balance() + ", and the node puts up a stake of " + stake
                    + " and pays fees. The network's bank pays in:");
            tell("          ./plumbline ledger deposit --network " + place.network() + " --key BANK --to "
                    + keys.publicKey() + " --amount " + SUGGESTED * stake + " --reference TEXT");
            tell("          Then run this command again.");
            return 1;
        }
        return node.call();
    }

    private Account account(Network network, KeyPair keys) throws IOException {
        Path folder = Files.createTempDirectory("plumbline-serve-");
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                LedgerClient ledger = network.ledger(media.directory(), place.host(), keys)) {
            LedgerWait.await(
                    ledger,
                    new Events(System.out),
                    () -> false,
                    () -> Event.Waiting.forLedger(network.fullNodes(), null));
            return ledger.account(keys.publicKey());
        } finally {
            Directories.discard(folder);
        }
    }

    private static void tell(String line) {
        System.err.println(Terminal.printable(line));
    }
}
