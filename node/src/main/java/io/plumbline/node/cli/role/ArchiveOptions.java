package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.full.ArchiveCipher;
import io.plumbline.node.full.ArchivePlace;
import io.plumbline.node.network.Network;
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

    @Parameter(
            names = "--archive-secret",
            description =
                    "FILE: a key that what is archived is encrypted with, of plumbline ledger new-key; the same for"
                            + " all full nodes, and for those who may read it")
    private Path archiveSecret;

    List<Check> checks() {
        return List.of(this::open);
    }

    /** Null where none is named. */
    ArchivePlace open() throws IOException {
        if (archive == null) {
            if (archiveKey != null || archiveSecret != null) {
                throw new IOException(
                        "--archive-key and --archive-secret are for a data node: name it by --archive" + " URL.");
            }
            return null;
        }
        if (archiveSecret == null) {
            throw new IOException("--archive-secret FILE is missing: anybody may read what is on a data node, and by"
                    + " what is archived the prompts of a day. Make one by plumbline ledger new-key FILE, and give it"
                    + " to all full nodes.");
        }
        NamedPaths.requireFile("--archive-secret", archiveSecret);
        ArchiveCipher cipher = new ArchiveCipher(Network.readKey(archiveSecret));
        String key = null;
        if (archiveKey != null) {
            NamedPaths.requireFile("--archive-key", archiveKey);
            key = Files.readString(archiveKey).strip();
            if (key.isEmpty() || key.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                throw new IOException("--archive-key: " + archiveKey + " does not hold an API key, alone in one line.");
            }
        }
        try {
            return new ArchivePlace(new BlobNode(archive, key), cipher);
        } catch (IllegalArgumentException e) {
            throw new IOException("--archive: " + e.getMessage(), e);
        }
    }
}
