package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import java.nio.file.Path;

/** {@code plumbline ledger copy-index}. */
@Parameters(
        commandNames = "copy-index",
        commandDescription = "Copy the index for another full node that has lost its own.")
final class CopyIndexCommand extends AskCommand {
    @Parameter(
            names = "--to",
            required = true,
            description = "DIR: must not exist; the folder \"index\" of the other's --dir afterwards")
    private Path to;

    @Override
    String line() {
        return "copy-index " + to.toAbsolutePath();
    }
}
