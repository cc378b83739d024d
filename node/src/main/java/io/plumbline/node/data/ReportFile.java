package io.plumbline.node.data;

import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The last report of this node on each feed, on disk before it is signed: a second one for the same round that says
 * something else costs the node its stake, so a process that ends in between says the same again or nothing.
 * Any thread may call.
 */
final class ReportFile {
    private final Path folder;

    /** One for each feed, for which a round's fetch may still last when the next round's is done. */
    private final Map<Bytes32, Object> locks = new ConcurrentHashMap<>();

    /** @param folder made where it is absent. */
    ReportFile(Path folder) throws IOException {
        this.folder = Directories.create(folder);
    }

    private Path file(Bytes32 feed) {
        return folder.resolve(feed.toString());
    }

    /**
     * The last report on a feed; null where there is none.
     *
     * @throws IOException where it cannot be read: then nothing may be reported on the feed.
     */
    ReportValue last(Bytes32 feed) throws IOException {
        Path file = file(feed);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            CanonicalReader in = new CanonicalReader(Files.readAllBytes(file), "last report");
            ReportValue last = new ReportValue(
                    in.getBytes32("feed"),
                    in.getLong("round"),
                    in.getLong("value"),
                    in.getLong("sent"),
                    in.getLong("received"),
                    in.getFixed(32, "body hash"),
                    in.getFixed(32, "certificate hash"));
            in.end();
            return last;
        } catch (MalformedException e) {
            throw new IOException(
                    file + " is damaged: " + e.getMessage() + " Nothing is reported on this feed while it"
                            + " is there. Remove it once the feed's round is over.",
                    e);
        }
    }

    /**
     * Keeps a report, on disk when this returns.
     *
     * @throws IOException where one for this round or a later one was kept: it may have been signed.
     */
    void keep(ReportValue report) throws IOException {
        synchronized (locks.computeIfAbsent(report.feed(), feed -> new Object())) {
            ReportValue last = last(report.feed());
            if (last != null && last.round() >= report.round()) {
                throw new IOException("round " + last.round() + " was reported before round " + report.round());
            }
            PrivateFiles.write(
                    file(report.feed()),
                    new CanonicalWriter()
                            .putBytes32(report.feed())
                            .putLong(report.round())
                            .putLong(report.value())
                            .putLong(report.sentMs())
                            .putLong(report.receivedMs())
                            .putFixed(report.bodyHash())
                            .putFixed(report.certificateHash())
                            .toBytes());
        }
    }
}
