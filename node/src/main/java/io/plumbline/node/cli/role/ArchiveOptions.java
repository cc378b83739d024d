package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.NamedPaths;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Where a full node puts what others may want to see later. */
final class ArchiveOptions {
    @Parameter(
            names = "--archive",
            description = "URL: a data node that evidence and snapshots of the ledger are put on too, such as"
                    + " http://192.0.2.7:9200")
    private String archive;

    @Parameter(names = "--archive-key", description = "FILE: with an API key, where that data node asks for one")
    private Path archiveKey;

    List<Check> checks() {
        return List.of(this::open);
    }

    /** Null where none is named. */
    BlobNode open() throws IOException {
        if (archive == null) {
            if (archiveKey != null) {
                throw new IOException("--archive-key is for a data node: name it by --archive URL.");
            }
            return null;
        }
        String key = null;
        if (archiveKey != null) {
            NamedPaths.requireFile("--archive-key", archiveKey);
            key = Files.readString(archiveKey).strip();
            if (key.isEmpty() || key.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                throw new IOException("--archive-key: " + archiveKey + " does not hold an API key, alone in one line.");
            }
        }
        try {
            return new BlobNode(archive, key);
        } catch (IllegalArgumentException e) {
            throw new IOException("--archive: " + e.getMessage(), e);
        }
    }
}
