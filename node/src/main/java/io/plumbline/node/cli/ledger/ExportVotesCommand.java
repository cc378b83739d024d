package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;

/** {@code plumbline ledger export-votes}. */
@Parameters(
        commandNames = "export-votes",
        commandDescription =
                "Write the signing history of a full node that is not running, to move it to another host.")
final class ExportVotesCommand extends VotesCommand {
    @Parameter(names = "--to", required = true, description = "FILE: must not exist")
    private Path to;

    @Override
    String execute(Path folder, Bytes32 genesisHash, Bytes32 fullNode) throws IOException {
        SigningHistory history = SigningHistory.of(folder, genesisHash, fullNode);
        history.write(to);
        return "Wrote the signing history up to block " + history.signed().last() + " to " + to
                + ". It is out of date as soon as this key signs again.";
    }
}
