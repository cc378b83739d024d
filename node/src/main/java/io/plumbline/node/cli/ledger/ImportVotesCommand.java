package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;

/** {@code plumbline ledger import-votes}. */
@Parameters(
        commandNames = "import-votes",
        commandDescription = "Add a signing history to that of a full node that is not running.")
final class ImportVotesCommand extends VotesCommand {
    @Parameter(names = "--from", required = true, description = "FILE: that export-votes has written")
    private Path from;

    @Override
    String execute(Path folder, Bytes32 genesisHash, Bytes32 fullNode) throws IOException {
        SigningHistory history = SigningHistory.read(from);
        return history.addTo(folder, genesisHash, fullNode)
                ? "Brought in the signing history up to block "
                        + history.signed().last() + "."
                : "The full node's own signing history has all of it; nothing was changed.";
    }
}
