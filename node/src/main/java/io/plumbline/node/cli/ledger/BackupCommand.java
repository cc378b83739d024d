package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.Backup;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.transport.Drivers;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** {@code plumbline ledger backup}. */
@Parameters(
        commandNames = "backup",
        commandDescription = "Copy the ledger from the members that run into a folder that a member can start from.")
final class BackupCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @Parameter(names = "--key", required = true, description = "FILE: a full node's key, which lets in")
    private Path key;

    @Parameter(names = "--to", required = true, description = "DIR: empty or absent; a full node's --dir afterwards")
    private Path to;

    @Parameter(
            names = "--host",
            description = "address full nodes reach this process at; that of this host towards them otherwise")
    private String host;

    @Override
    public Integer call() throws IOException {
        Network known = Network.read(network);
        KeyPair keys = Network.readKey(key);
        if (known.genesis().place(keys.publicKey()) < 0) {
            throw new IOException(key + " is not the key of one of this network's full nodes. Only they may copy it.");
        }
        long position;
        try (ProgressBar bar =
                Terminal.bar(new ProgressBarBuilder().setTaskName("Log").setUnit(" MiB", 1 << 20))) {
            position = Backup.run(
                    known.members(),
                    host == null ? known.addressHere() : host,
                    to,
                    Drivers.TERM_BYTES,
                    keys,
                    known.genesis().hash(),
                    bar::stepTo);
        }
        System.out.println("Copied the last snapshot, and the log up to byte " + position + ", to " + to + ".");
        return 0;
    }
}
