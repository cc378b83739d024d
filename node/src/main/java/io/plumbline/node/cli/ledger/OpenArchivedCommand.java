package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.full.ArchiveCipher;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline ledger open-archived}. */
@Parameters(
        commandNames = "open-archived",
        commandDescription = "FILE: decrypt evidence or a snapshot that a full node has put on a data node.")
final class OpenArchivedCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(required = true, description = "FILE")
    private List<Path> files;

    @Parameter(names = "--secret", required = true, description = "FILE: the full nodes' --archive-secret")
    private Path secret;

    @Parameter(names = "--out", required = true, description = "FILE: to write; must not exist")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Path file = files.getFirst();
        NamedPaths.requireFile("open-archived", file);
        NamedPaths.requireFile("--secret", secret);
        byte[] content;
        try {
            content = new ArchiveCipher(Network.readKey(secret)).decrypt(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new IOException(file + " is not opened by " + secret + ": " + e.getMessage() + ".", e);
        }
        PrivateFiles.create(out, content);
        System.out.println(content.length + " bytes in " + out);
        return 0;
    }
}
