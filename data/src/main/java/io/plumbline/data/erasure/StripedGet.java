package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.SourceSurvey;
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
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** Fetches a blob that is kept as shards: those of its data, or any k of which the others are computed. */
public final class StripedGet {
    private final StripedBlob blob;
    private final ShardSources shards;
    private final Path partial;
    private final Path states;
    private final RateLimit rate;
    private final Progress progress;
    private final Consumer<String> warnings;

    private StripedGet(
            StripedBlob blob,
            ShardSources shards,
            Path to,
            RateLimit rate,
            Progress progress,
            Consumer<String> warnings) {
        this.blob = blob;
        this.shards = shards;
        this.partial = to.resolveSibling(to.getFileName() + ".striped");
        this.states = to.resolveSibling(to.getFileName() + ".striped-states");
        this.rate = rate;
        this.progress = progress;
        this.warnings = warnings;
    }

    /**
     * The description of a striped blob that is most likely right, see {@link #descriptions}.
     *
     * @return null where no node has one.
     */
    public static StripedBlob find(Bytes32 id, List<BlobNode> nodes) throws IOException {
        List<StripedBlob> found = descriptions(id, nodes);
        return found.isEmpty() ? null : found.getFirst();
    }

    /**
     * Looks for descriptions of a striped blob at all nodes. Any node may make one up, which is found out when the
     * whole is there.
     *
     * @return first those by which 16 KiB out of each shard of data are proven by the blob's id; then those that more
     *     nodes have.
     */
    public static List<StripedBlob> descriptions(Bytes32 id, List<BlobNode> nodes) throws IOException {
        List<StripedBlob> found = NamedByNodes.find(nodes, StripedBlob.pin(id), (description, node) -> {
            StripedBlob striped = read(description, node);
            return striped.id().equals(id) ? striped : null;
        });
        if (found.size() > 1) {
            Set<StripedBlob> proven = ConcurrentHashMap.newKeySet();
            SourceSurvey.run(found, NamedByNodes.ASK_MS, (StripedBlob striped) -> {
                new StripedSource(striped, nodes).proveShards();
                proven.add(striped);
            });
            found.sort(Comparator.comparing(striped -> !proven.contains(striped)));
        }
        return found;
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
        int missing = shards.missing().size();
        if (missing > 0) {
            warnings.accept(missing + " of " + blob.shards().size() + " shards of blob " + blob.id()
                    + " are at no data node that is asked.");
        }
        new StripedGet(blob, shards, to, rate, progress, warnings).run(to);
    }

    private void run(Path to) throws IOException {
        Files.createDirectories(states);
        for (int i = 0; i < blob.k(); i++) {
            long[] told = {0};
            if (shards.holders(i).isEmpty() || !fetch(i, told)) {
                // Bytes of a shard that were told of before it failed are not told again.
                compute(i, bytes -> {
                    long before = Math.min(told[0], bytes);
                    told[0] -= before;
                    progress.more(bytes - before);
                });
            }
        }
        try {
            finish(blob, partial, to);
        } finally {
            Directories.delete(states);
        }
    }

    /**
     * Fetches a shard to its place.
     *
     * @param told bytes that were told of.
     * @return false where those that have shown a part of it do not give the rest.
     */
    private boolean fetch(int shard, long[] told) throws IOException {
        Bytes32 id = blob.shards().get(shard);
        Progress counted = bytes -> {
            told[0] += bytes;
            progress.more(bytes);
        };
        try (PartialBlob part = PartialBlob.inFile(
                id, blob.shardBytes(), partial, shard * blob.shardBytes(), states.resolve("shard-" + shard))) {
            counted.more(part.presentBytes());
            new Download(shards.holders(shard), rate, warnings).run(part, counted);
            return true;
        } catch (DiskFailedException e) {
            throw e;
        } catch (IOException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw e;
            }
            warnings.accept("Shard " + shard + " is computed of others: " + e.getMessage());
            shards.lose(shard);
            return false;
        }
    }

    private void compute(int shard, Progress counted) throws IOException {
        try (FileChannel out = FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            long[] at = {shard * blob.shardBytes()};
            shards.compute(shard, (bytes, length) -> {
                for (ByteBuffer left = ByteBuffer.wrap(bytes, 0, length); left.hasRemaining(); ) {
                    at[0] += out.write(left, at[0]);
                }
                counted.more(length);
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
