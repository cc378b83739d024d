package io.plumbline.data.erasure;

import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Keeps a file as shards at as many data nodes, which together have n / k of its bytes. */
public final class StripedPut {
    private final Path file;
    private final List<BlobNode> nodes;

    /** Those that are told which shards there are: any of them may make one again. */
    private final List<BlobNode> told;

    private final int k;
    private final RateLimit rate;
    private final Progress progress;

    private StripedPut(Path file, List<BlobNode> nodes, List<BlobNode> told, int k, RateLimit rate, Progress progress) {
        this.file = file;
        this.nodes = nodes;
        this.told = told;
        this.k = k;
        this.rate = rate;
        this.progress = progress;
    }

    /**
     * Sends shards to nodes, and to all that are told the text that says which they are.
     *
     * @param file of {@link StripedBlob#LEAST_BYTES} or more.
     * @param nodes for one shard each.
     * @param told those and perhaps more.
     * @param k shards of data.
     * @param pin of what it is kept for.
     * @param progress hears of bytes of shards that were sent: n / k times the file's.
     */
    public static StripedBlob run(
            Path file, List<BlobNode> nodes, List<BlobNode> told, int k, String pin, RateLimit rate, Progress progress)
            throws IOException {
        return new StripedPut(file, nodes, told, k, rate, progress).put(pin);
    }

    private StripedBlob put(String pin) throws IOException {
        Path temporary = Files.createTempDirectory("plumbline-shards-");
        List<FileBlob> shards = new ArrayList<>();
        try {
            long bytes = Files.size(file);
            long shardBytes = StripedBlob.shardBytes(bytes, k);
            for (int i = 0; i < k; i++) {
                shards.add(new FileBlob(file, i * shardBytes, shardBytes, Progress.none()));
            }
            List<Path> parity = writeParity(shards, shardBytes, temporary);
            for (Path shard : parity) {
                shards.add(FileBlob.of(shard, Progress.none()));
            }
            Bytes32 id;
            Path outboard = temporary.resolve("outboard");
            try (FileBlob whole = FileBlob.of(file, Progress.none())) {
                id = whole.id();
                whole.copyOutboard(outboard);
            }
            StripedBlob striped = new StripedBlob(
                    id, bytes, k, shards.stream().map(FileBlob::id).toList());
            send(striped, shards);
            sendOutboard(striped, outboard);
            describe(striped, pin);
            return striped;
        } finally {
            for (FileBlob shard : shards) {
                shard.close();
            }
            Directories.delete(temporary);
        }
    }

    /** Reads the data once for all parity shards. */
    private List<Path> writeParity(List<FileBlob> data, long shardBytes, Path folder) throws IOException {
        ReedSolomon code = new ReedSolomon(k, nodes.size());
        int[] have = IntStream.range(0, k).toArray();
        byte[][] pieces = new byte[k][ShardSources.pieceBytes(k)];
        byte[] out = new byte[ShardSources.pieceBytes(k)];
        List<Path> parity = new ArrayList<>();
        List<OutputStream> files = new ArrayList<>();
        try {
            for (int i = k; i < nodes.size(); i++) {
                parity.add(folder.resolve("parity-" + i));
                files.add(Files.newOutputStream(parity.getLast()));
            }
            for (long at = 0; at < shardBytes; at += out.length) {
                int length = (int) Math.min(out.length, shardBytes - at);
                for (int i = 0; i < k; i++) {
                    data.get(i).read(at, pieces[i], 0, length);
                }
                for (int i = k; i < nodes.size(); i++) {
                    code.compute(have, pieces, i, out, length);
                    files.get(i - k).write(out, 0, length);
                }
            }
        } finally {
            for (OutputStream file : files) {
                file.close();
            }
        }
        return parity;
    }

    private void send(StripedBlob striped, List<FileBlob> shards) throws IOException {
        for (int i = 0; i < shards.size(); i++) {
            new Upload(nodes.get(i), rate).run(shards.get(i), progress);
            nodes.get(i).pin(shards.get(i).id(), StripedBlob.shardPin(striped.id()));
        }
    }

    /** A 256th of the blob, so it is kept whole, at one node more than may be lost. */
    private void sendOutboard(StripedBlob striped, Path file) throws IOException {
        try (FileBlob outboard = FileBlob.of(file, Progress.none())) {
            for (BlobNode node : nodes.subList(0, nodes.size() - k + 1)) {
                new Upload(node, rate).run(outboard, Progress.none());
                node.pin(outboard.id(), StripedBlob.outboardPin(striped.id()));
            }
        }
    }

    /** Last of all: a node that has the description has nothing to mend. */
    private void describe(StripedBlob striped, String pin) throws IOException {
        byte[] text = striped.text().getBytes(StandardCharsets.UTF_8);
        try (MemoryBlob description = new MemoryBlob(MemorySegment.ofArray(text))) {
            for (BlobNode node : told) {
                new Upload(node, rate).run(description, Progress.none());
                for (String name : List.of(StripedBlob.pin(striped.id()), StripedBlob.allPin(), pin)) {
                    node.pin(description.id(), name);
                }
            }
        }
    }
}
