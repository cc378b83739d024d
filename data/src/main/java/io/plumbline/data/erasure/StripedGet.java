package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;

/** Fetches a blob that is kept as shards: those of its data, or any k of which the others are computed. */
public final class StripedGet {
    private StripedGet() {}

    /**
     * Looks for the description of a striped blob.
     *
     * @return null where no node has one; one that a node made up is found out when the whole is there.
     */
    public static StripedBlob find(Bytes32 id, List<BlobNode> nodes) throws IOException {
        for (BlobNode node : nodes) {
            try {
                for (Bytes32 description : node.pinned(StripedBlob.pin(id))) {
                    StripedBlob striped = read(description, node);
                    if (striped.id().equals(id)) {
                        return striped;
                    }
                }
            } catch (IOException e) {
                // The next one, perhaps.
            }
        }
        return null;
    }

    /** Reads a description. */
    public static StripedBlob read(Bytes32 description, BlobSource source) throws IOException {
        long bytes = source.bytes(description);
        if (bytes > StripedBlob.MOST_TEXT_BYTES) {
            throw new IOException("Blob " + description + " is too long to describe a striped one.");
        }
        byte[] text = new byte[(int) bytes];
        source.read(description, bytes, new ByteRange(0, bytes), text);
        try {
            return StripedBlob.parse(new String(text, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new IOException(source.name() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Fetches a blob.
     *
     * @param to replaced where it exists, once the whole is there and has the blob's id.
     * @param progress hears of bytes of the blob that are there.
     * @param warnings hears of shards that are gone, and sources that failed.
     */
    public static void run(
            StripedBlob blob,
            List<? extends BlobSource> sources,
            RateLimit rate,
            Path to,
            Progress progress,
            Consumer<String> warnings)
            throws IOException {
        ShardSources shards = new ShardSources(blob, sources);
        List<Integer> missing = shards.missing();
        if (!missing.isEmpty()) {
            warnings.accept(missing.size() + " of " + blob.shards().size() + " shards of blob " + blob.id()
                    + " are at no data node that is asked.");
        }
        Path partial = to.resolveSibling(to.getFileName() + ".striped");
        Path states = to.resolveSibling(to.getFileName() + ".striped-states");
        Files.createDirectories(states);
        for (int i = 0; i < blob.k(); i++) {
            long offset = i * blob.shardBytes();
            if (missing.contains(i)) {
                compute(shards, i, partial, offset, progress);
            } else {
                Bytes32 shard = blob.shards().get(i);
                try (PartialBlob part =
                        PartialBlob.inFile(shard, blob.shardBytes(), partial, offset, states.resolve("shard-" + i))) {
                    progress.more(part.presentBytes());
                    new Download(shards.holders(i), rate, warnings).run(part, progress);
                }
            }
        }
        try {
            finish(blob, partial, to);
        } finally {
            Directories.delete(states);
        }
    }

    private static void compute(ShardSources shards, int shard, Path to, long offset, Progress progress)
            throws IOException {
        try (FileChannel out = FileChannel.open(to, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            long[] at = {offset};
            shards.compute(shard, (bytes, length) -> {
                for (ByteBuffer left = ByteBuffer.wrap(bytes, 0, length); left.hasRemaining(); ) {
                    at[0] += out.write(left, at[0]);
                }
                progress.more(length);
            });
        }
    }

    private static void finish(StripedBlob blob, Path partial, Path to) throws IOException {
        try (FileChannel file = FileChannel.open(partial, StandardOpenOption.WRITE)) {
            file.truncate(blob.bytes());
            file.force(true);
        }
        try (FileBlob whole = FileBlob.of(partial, Progress.none())) {
            if (!whole.id().equals(blob.id())) {
                Files.delete(partial);
                throw new IOException("The shards that a data node names for blob " + blob.id() + " give " + whole.id()
                        + ": it described another blob. Nothing was kept.");
            }
        }
        Files.move(partial, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
