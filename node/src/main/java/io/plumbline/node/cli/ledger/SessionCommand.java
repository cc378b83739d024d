package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Media;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** What needs an account's key and the network. */
abstract class SessionCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @Parameter(names = "--key", required = true, description = "FILE: the account's Ed25519 key")
    private Path key;

    @Parameter(
            names = "--host",
            description = "address full nodes reach this process at; that of this host towards them otherwise")
    private String host;

    abstract void run(LedgerClient ledger, KeyPair keys) throws IOException;

    static void submit(LedgerClient ledger, Command command) throws IOException {
        LedgerClient.Outcome outcome = ledger.submit(command);
        if (!outcome.isApplied()) {
            throw new IOException("The ledger refused: " + outcome.reason() + ".");
        }
        System.out.println("ordered at height " + outcome.height());
    }

    @Override
    public Integer call() throws IOException {
        Network known = Network.read(network);
        KeyPair keys = Network.readKey(key);
        String at = host == null ? known.addressHere() : host;
        Path folder = Files.createTempDirectory("plumbline-ledger-");
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                LedgerClient ledger = known.ledger(media.directory(), at, keys)) {
            run(ledger, keys);
        } finally {
            Directories.discard(folder);
        }
        return 0;
    }
}
