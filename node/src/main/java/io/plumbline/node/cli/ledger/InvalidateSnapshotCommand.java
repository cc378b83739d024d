package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.aeron.cluster.ClusterTool;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code plumbline ledger invalidate-snapshot}. */
@Parameters(
        commandNames = "invalidate-snapshot",
        commandDescription = "Have a full node that is not running start from an older snapshot, or from the log.")
final class InvalidateSnapshotCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--dir", required = true, description = "DIR: of the full node, which must not run")
    private Path dir;

    @Override
    public Integer call() throws IOException {
        if (!Files.isDirectory(dir.resolve("cluster"))) {
            throw new IOException(dir + " is not a full node's folder: it has no folder \"cluster\".");
        }
        boolean done = ClusterTool.invalidateLatestSnapshot(
                new PrintStream(PrintStream.nullOutputStream()),
                dir.resolve("cluster").toFile());
        System.out.println(
                done ? "The last snapshot will not be used any more." : "There is no snapshot; nothing was changed.");
        return 0;
    }
}
