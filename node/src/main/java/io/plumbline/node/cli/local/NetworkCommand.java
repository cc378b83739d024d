package io.plumbline.node.cli.local;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline network}: a whole network on this host. */
@Parameters(commandNames = "network", commandDescription = "Run a whole network on this host: up, status, down.")
public final class NetworkCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander network) {
        network.addCommand(new UpCommand());
        network.addCommand(new StatusCommand());
        network.addCommand(new DownCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with this host's network: up, status or down.");
    }
}
