package io.plumbline.node.cli.local;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Options of all commands of a network on this host. */
abstract class LocalOptions extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--dir", description = "DIR: where the network is kept")
    Path dir = Path.of(System.getProperty("user.home"), ".plumbline", "network");

    /** The network that was made there. */
    LocalNetwork found() throws IOException {
        if (!LocalNetwork.isIn(dir)) {
            throw new IOException("There is no network in " + dir + ". ./plumbline network up makes one.");
        }
        return new LocalNetwork(dir);
    }
}
