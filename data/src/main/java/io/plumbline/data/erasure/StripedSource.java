package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.SourceQuery;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ranges of a blob that is kept as shards. Groups come from the shards of its data, or are computed of others; the
 * parents that prove them from the blob's outboard, which is a blob too. So a range has the form, and the proof by the
 * blob's id, that it has where the blob is kept whole. Not for several threads at once.
 */
public final class StripedSource implements BlobSource {
    /** Longest range: it is put together in memory. */
    public static final int MOST_RANGE_BYTES = 8 << 20;

    /** Bytes of the outboard that are fetched at once. */
    private static final int BLOCK_BYTES = 4 * ChunkGroups.BYTES;

    private static final int MOST_BLOCKS = 64;

    /** For which a node may take for a block before the next one is asked as well. */
    private static final long SLOW_MS = 2_000;

    private final StripedBlob blob;
    private final ShardSources shards;
    private final List<BlobNode> nodes;
    private final long outboardBytes;

    /** Blocks of the outboard by their numbers. */
    private final Map<Long, byte[]> blocks = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
            return size() > MOST_BLOCKS;
        }
    };

    /** Outboards that are left to be tried; null before nodes were asked. Any node may make one up. */
    private Deque<Bytes32> outboards;

    /** @throws IOException where this thread is interrupted while nodes are asked for shards. */
    public StripedSource(StripedBlob blob, List<BlobNode> nodes) throws IOException {
        this.blob = blob;
        this.nodes = List.copyOf(nodes);
        this.shards = new ShardSources(blob, nodes);
        this.outboardBytes = ChunkGroups.outboardBytes(blob.bytes());
    }

    @Override
    public String name() {
        return "the shards of blob " + blob.id();
    }

    @Override
    public long bytes(Bytes32 id) throws IOException {
        if (!id.equals(blob.id())) {
            throw new NoSuchBlobException(id, name());
        }
        return blob.bytes();
    }

    /**
     * {@inheritDoc}
     *
     * @param range of at most {@link #MOST_RANGE_BYTES}.
     */
    @Override
    public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
        if (range.length() > MOST_RANGE_BYTES || bytes != bytes(id)) {
            throw new IllegalArgumentException("No such range of blob " + id + ": " + range + ".");
        }
        if (outboards == null || outboards.isEmpty()) {
            outboards = outboardsNamed();
        }
        // A blob of one group has none.
        IOException last = outboardBytes == 0
                ? null
                : new NoSuchBlobException(blob.id(), "any data node with its outboard: get all of it, or put it again");
        while (outboardBytes == 0 || !outboards.isEmpty()) {
            try {
                return new ByteArrayInputStream(proven(range));
            } catch (IOException e) {
                if (outboardBytes == 0
                        || outboards.size() == 1
                        || Thread.currentThread().isInterrupted()) {
                    // Shards may be there again later.
                    throw e;
                }
                last = e;
                outboards.removeFirst();
                blocks.clear();
            }
        }
        throw last;
    }

    /** A range as the first outboard has it, where the blob's id proves it. */
    private byte[] proven(ByteRange range) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new Outboard(blob.bytes(), this::readData, this::readOutboard)
                .encode(range.from(), range.to(), (some, length) -> out.write(some, 0, length));
        byte[] encoded = out.toByteArray();
        new RangeDecoder(blob.id().bytes(), blob.bytes(), range.from(), range.to())
                .decode(new ByteArrayInputStream(encoded), (position, group, length) -> {});
        return encoded;
    }

    /**
     * Looks at 16 KiB out of each shard of data.
     *
     * @throws RangeDecoder.WrongBytesException where these are not the blob's.
     */
    void proveShards() throws IOException {
        long shardGroups = blob.shardBytes() / ChunkGroups.BYTES;
        int groups = ChunkGroups.count(blob.bytes());
        for (long first = 0; first < groups; first += shardGroups) {
            long end = Math.min(groups, first + shardGroups);
            proveGroup(
                    blob.id(), blob.bytes(), (int) ThreadLocalRandom.current().nextLong(first, end));
        }
    }

    /** Outboards of the blob's length, those that more nodes name first. */
    private Deque<Bytes32> outboardsNamed() throws IOException {
        return new ArrayDeque<>(
                NamedByNodes.find(nodes, StripedBlob.outboardPin(blob.id()), (outboard, node) -> outboard));
    }

    /** Groups, which do not lie across shards. */
    private void readData(long position, byte[] target, int offset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            long at = position + done;
            int shard = (int) (at / blob.shardBytes());
            long from = at % blob.shardBytes();
            int bytes = (int) Math.min(length - done, blob.shardBytes() - from);
            byte[] some = new byte[bytes];
            shards.readOrCompute(shard, new ByteRange(from, from + bytes), some);
            System.arraycopy(some, 0, target, offset + done, bytes);
            done += bytes;
        }
    }

    private void readOutboard(long position, byte[] target, int offset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            long at = position + done;
            byte[] block = block(at / BLOCK_BYTES);
            int from = (int) (at % BLOCK_BYTES);
            int bytes = Math.min(length - done, block.length - from);
            System.arraycopy(block, from, target, offset + done, bytes);
            done += bytes;
        }
    }

    private byte[] block(long number) throws IOException {
        byte[] known = blocks.get(number);
        if (known != null) {
            return known;
        }
        long from = number * BLOCK_BYTES;
        ByteRange range = new ByteRange(from, Math.min(outboardBytes, from + BLOCK_BYTES));
        Bytes32 outboard = outboards.getFirst();
        byte[] block = SourceQuery.first(outboard, nodes, SLOW_MS, node -> {
            byte[] read = new byte[(int) range.length()];
            node.read(outboard, outboardBytes, range, read);
            return read;
        });
        blocks.put(number, block);
        return block;
    }
}
