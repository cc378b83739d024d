package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

    private Bytes32 outboard;

    public StripedSource(StripedBlob blob, List<BlobNode> nodes) {
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
        ByteArrayOutputStream encoded = new ByteArrayOutputStream();
        new Outboard(bytes, this::readData, this::readOutboard)
                .encode(range.from(), range.to(), (some, length) -> encoded.write(some, 0, length));
        return new ByteArrayInputStream(encoded.toByteArray());
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
        byte[] block = new byte[(int) Math.min(BLOCK_BYTES, outboardBytes - from)];
        IOException last =
                new NoSuchBlobException(blob.id(), "any data node with its outboard: get all of it, or put it again");
        for (BlobNode node : nodes) {
            try {
                read(node, new ByteRange(from, from + block.length), block);
                blocks.put(number, block);
                return block;
            } catch (NoSuchBlobException e) {
                // Few nodes have it.
            } catch (IOException e) {
                last = e;
            }
        }
        throw last;
    }

    private void read(BlobNode node, ByteRange range, byte[] target) throws IOException {
        if (outboard != null) {
            node.read(outboard, outboardBytes, range, target);
            return;
        }
        for (Bytes32 named : node.pinned(StripedBlob.outboardPin(blob.id()))) {
            if (node.bytes(named) == outboardBytes) {
                node.read(named, outboardBytes, range, target);
                outboard = named;
                return;
            }
        }
        throw new NoSuchBlobException(blob.id(), node.name());
    }
}
