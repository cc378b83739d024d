package io.plumbline.ledger.cluster;

import io.aeron.archive.ArchiveMarkFile;
import io.aeron.cluster.service.ClusterMarkFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.concurrent.SystemEpochClock;

/**
 * The files by which archive and cluster say that a process is at work in their folders. A process that was killed
 * leaves them as they were, and Aeron believes them for ten seconds more.
 */
final class MarkFiles {
    private static final long TIMEOUT_MS = 100;

    private MarkFiles() {}

    /** Says of the process that has left them that it has ended, which the caller has to know. */
    static void signalTerminated(Path archive, Path cluster) {
        if (Files.exists(archive.resolve(ArchiveMarkFile.FILENAME))) {
            try (ArchiveMarkFile mark = new ArchiveMarkFile(
                    archive.toFile(), ArchiveMarkFile.FILENAME, SystemEpochClock.INSTANCE, TIMEOUT_MS, said -> {})) {
                mark.signalTerminated();
            } catch (RuntimeException e) {
                // It was killed while it wrote it: it goes stale by itself.
            }
        }
        for (String name : new String[] {ClusterMarkFile.FILENAME, ClusterMarkFile.markFilenameForService(0)}) {
            if (Files.exists(cluster.resolve(name))) {
                try (ClusterMarkFile mark = new ClusterMarkFile(
                        cluster.toFile(), name, SystemEpochClock.INSTANCE, TIMEOUT_MS, said -> {})) {
                    mark.signalTerminated();
                } catch (RuntimeException e) {
                    // As above.
                }
            }
        }
    }
}
