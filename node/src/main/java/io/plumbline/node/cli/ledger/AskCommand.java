package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.full.AdminCommands;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** What a full node that runs with a folder on this host is asked. */
abstract class AskCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--dir", required = true, description = "DIR: of the running full node")
    private Path dir;

    /** The line it is sent, see {@link AdminCommands#execute}. */
    abstract String line() throws IOException;

    @Override
    public Integer call() throws IOException {
        AdminSocket.ask(dir, line()).lines().forEach(Terminal::print);
        return 0;
    }
}
