package io.plumbline.data.erasure;

import io.plumbline.data.store.BlobIds;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayList;
import java.util.List;

/**
 * Which shards a blob was made of: a text, itself a blob. The first k shards are the blob, cut into parts of one length
 * and filled up with zeros; the rest is parity. Each shard is a blob of its own, so a reader knows a wrong shard by its
 * id, and the whole by the blob's.
 *
 * @param bytes of the blob.
 * @param k shards of data.
 * @param shards ids of all, data first.
 */
public record StripedBlob(Bytes32 id, long bytes, int k, List<Bytes32> shards) {
    private static final String FIRST_LINE = "plumbline-striped 1";

    /** Longest text: 255 shards. */
    public static final int MOST_TEXT_BYTES = 32 << 10;

    /** Blobs below are kept whole: their shards would be smaller than what is said of them. */
    public static final long LEAST_BYTES = 1 << 20;

    public StripedBlob {
        shards = List.copyOf(shards);
        new ReedSolomon(k, shards.size());
        if (bytes < 1 || bytes > ChunkGroups.MOST_MESSAGE_BYTES) {
            throw new IllegalArgumentException("A blob of " + bytes + " bytes is not striped.");
        }
    }

    /** Bytes of each shard: whole groups, so that ranges of it are read without more. */
    public static long shardBytes(long bytes, int k) {
        long each = (bytes + k - 1) / k;
        return (each + ChunkGroups.BYTES - 1) / ChunkGroups.BYTES * ChunkGroups.BYTES;
    }

    public long shardBytes() {
        return shardBytes(bytes, k);
    }

    public String text() {
        StringBuilder text = new StringBuilder(FIRST_LINE)
                .append("\nblob ")
                .append(id)
                .append(' ')
                .append(bytes)
                .append("\ndata ")
                .append(k)
                .append('\n');
        shards.forEach(shard -> text.append("shard ").append(shard).append('\n'));
        return text.toString();
    }

    /** @throws IllegalArgumentException where it is none, or not as {@link #text} writes it. */
    public static StripedBlob parse(String text) {
        String[] lines = text.split("\n", -1);
        try {
            if (!lines[0].equals(FIRST_LINE)) {
                throw new IllegalArgumentException("the first line is not \"" + FIRST_LINE + "\"");
            }
            String[] blob = lines[1].split(" ");
            List<Bytes32> shards = new ArrayList<>();
            for (int i = 3; i < lines.length - 1; i++) {
                shards.add(BlobIds.parse(lines[i].substring("shard ".length())));
            }
            StripedBlob striped = new StripedBlob(
                    BlobIds.parse(blob[1]),
                    Long.parseLong(blob[2]),
                    Integer.parseInt(lines[2].substring("data ".length())),
                    shards);
            if (!striped.text().equals(text)) {
                throw new IllegalArgumentException("it is not in canonical form");
            }
            return striped;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException("Not the description of a striped blob: " + e.getMessage() + ".", e);
        }
    }

    /** Pin by which a blob's description is found. */
    public static String pin(Bytes32 id) {
        return "striped " + id;
    }

    /** Pin of a blob's shards. */
    public static String shardPin(Bytes32 id) {
        return "shard of " + id;
    }

    /** Pin of a blob's outboard, by which ranges of it are proven. */
    public static String outboardPin(Bytes32 id) {
        return "outboard of " + id;
    }

    /** Pin of all descriptions that a node has. */
    public static String allPin() {
        return "striped";
    }
}
