package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Commands about the signing history of a full node that does not run. */
abstract class VotesCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--dir", required = true, description = "DIR: of the full node, which must not run")
    private Path dir;

    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @Parameter(names = "--key", required = true, description = "FILE: the full node's key")
    private Path key;

    @Override
    public Integer call() throws IOException {
        Network known = Network.read(network);
        KeyPair keys = Network.readKey(key);
        if (known.genesis().place(keys.publicKey()) < 0) {
            throw new IOException(key + " is not the key of one of this network's full nodes.");
        }
        System.out.println(execute(dir, known.genesis().hash(), keys.publicKey()));
        return 0;
    }

    /** @return what became of it, for the operator. */
    abstract String execute(Path folder, Bytes32 genesisHash, Bytes32 fullNode) throws IOException;
}
