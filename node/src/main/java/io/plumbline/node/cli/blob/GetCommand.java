package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.erasure.StripedSource;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.SourceQuery;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline blob get}. */
@Parameters(
        commandNames = "get",
        commandDescription = "Fetch a blob from all data nodes that are named at once, or a store, every byte checked.")
final class GetCommand extends BlobIdCommand {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,18})-(\\d{1,18})");

    /** Of a range that are asked for at once; at most {@link StripedSource#MOST_RANGE_BYTES}. */
    private static final int PIECE_BYTES = 1 << 20;

    /** For which a source may take for them before the next one is asked as well. */
    private static final long SLOW_MS = 2_000;

    @Parameter(names = "--to", description = "FILE: to write; the blob's id in this folder where none is named")
    private Path to;

    @Parameter(names = "--range", description = "FROM-TO: only these bytes, from 0, the last one included")
    private String range;

    @Override
    List<String> form() {
        return List.of("an ID");
    }

    @Override
    int run(Bytes32 id, List<String> more, BlobStore store) throws IOException {
        Path file = to == null ? Path.of(id.toString()) : to;
        if (Files.isDirectory(file)) {
            throw new IOException(file + " is a folder. Name a file by --to.");
        }
        if (file.toAbsolutePath().getParent() == null
                || !Files.isDirectory(file.toAbsolutePath().getParent())) {
            throw new IOException("The folder of " + file + " does not exist.");
        }
        List<BlobSource> sources = places.sources(store);
        Download download = new Download(sources, places.rate(), GetCommand::warn);
        try {
            long bytes = download.bytes(id);
            if (range == null) {
                whole(id, bytes, download, file);
            } else {
                part(id, bytes, sources, file);
            }
            say(id, bytes, file);
            return 0;
        } catch (DiskFailedException | NoSuchRangeException e) {
            throw e;
        } catch (IOException e) {
            // None has it whole, or those that say so do not give it.
            return striped(id, sources, file, e);
        }
    }

    /** The caller asked for bytes that the blob has not. */
    private static final class NoSuchRangeException extends IOException {
        private static final long serialVersionUID = 1;

        NoSuchRangeException(String message) {
            super(message);
        }
    }

    private void say(Bytes32 id, long bytes, Path file) {
        Terminal.print(
                json
                        ? new ObjectMapper()
                                .createObjectNode()
                                .put("id", id.toString())
                                .put("bytes", bytes)
                                .put("file", file.toString())
                        : file);
    }

    /** Where nobody gives it whole, it may be kept as shards. */
    private int striped(Bytes32 id, List<BlobSource> sources, Path file, IOException absent) throws IOException {
        IOException last = absent;
        for (StripedBlob blob : StripedGet.descriptions(id, places.nodes())) {
            try {
                striped(blob, sources, file);
                say(id, blob.bytes(), file);
                return 0;
            } catch (DiskFailedException | NoSuchRangeException e) {
                throw e;
            } catch (IOException e) {
                // Any data node may have made the description up.
                last = e;
                warn(e.getMessage());
            }
        }
        throw last;
    }

    private void striped(StripedBlob blob, List<BlobSource> sources, Path file) throws IOException {
        if (range != null) {
            part(blob.id(), blob.bytes(), List.of(new StripedSource(blob, places.nodes())), file);
            return;
        }
        try (ProgressBar bar = Bars.of("get", blob.bytes())) {
            StripedGet.run(blob, sources, places.rate(), file, bar::stepBy, GetCommand::warn);
        }
    }

    private static void warn(String warning) {
        System.err.println(Terminal.printable(warning));
    }

    private static void whole(Bytes32 id, long bytes, Download download, Path file) throws IOException {
        try (PartialBlob blob = PartialBlob.besideFile(id, bytes, file);
                ProgressBar bar = Bars.of("get", bytes)) {
            bar.stepBy(blob.presentBytes());
            download.run(blob, bar::stepBy);
        }
    }

    private void part(Bytes32 id, long bytes, List<BlobSource> sources, Path file) throws IOException {
        Matcher asked = RANGE.matcher(range);
        if (!asked.matches()
                || Long.parseLong(asked.group(1)) > Long.parseLong(asked.group(2))
                || Long.parseLong(asked.group(1)) >= bytes) {
            throw new NoSuchRangeException("--range is FROM-TO, such as 0-1023, within the blob's " + bytes
                    + " bytes; not \"" + range + "\".");
        }
        ByteRange wanted =
                new ByteRange(Long.parseLong(asked.group(1)), Math.min(bytes, Long.parseLong(asked.group(2)) + 1));
        Path partial = Files.createTempFile(file.toAbsolutePath().getParent(), ".range-", "");
        try (ProgressBar bar = Bars.of("get", wanted.length())) {
            try (OutputStream out = Files.newOutputStream(partial)) {
                List<BlobSource> order = new ArrayList<>(sources);
                for (long at = wanted.from(); at < wanted.to(); at += PIECE_BYTES) {
                    ByteRange range = new ByteRange(at, Math.min(wanted.to(), at + PIECE_BYTES));
                    Piece piece = piece(id, bytes, range, order);
                    out.write(piece.bytes());
                    bar.stepBy(range.length());
                    // The next one is asked of the one that gave this.
                    order.remove(piece.source());
                    order.addFirst(piece.source());
                }
            }
            Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }

    /** A piece, and the source that gave it. */
    private record Piece(BlobSource source, byte[] bytes) {}

    /** From the first source that gives it: the next one is asked where one fails, and where one is slow. */
    private static Piece piece(Bytes32 id, long bytes, ByteRange wanted, List<BlobSource> sources) throws IOException {
        return SourceQuery.first(id, sources, SLOW_MS, source -> {
            byte[] piece = new byte[(int) wanted.length()];
            source.read(id, bytes, wanted, piece);
            return new Piece(source, piece);
        });
    }
}
