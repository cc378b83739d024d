package io.plumbline.data.erasure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A blob of two shards and two more, each at a source of its own, of which the first is slow. */
@Timeout(30)
class ShardSourcesTest {
    private static final int K = 2;
    private static final int SHARD_BYTES = 5 << 20;
    private static final long FOR_EVER = Long.MAX_VALUE;

    @TempDir
    private Path folder;

    private final byte[][] shards = new byte[4][SHARD_BYTES];
    private BlobStore store;
    private StripedBlob blob;

    @BeforeEach
    void make() throws IOException {
        store = BlobStore.open(folder, Long.MAX_VALUE);
        Random random = new Random(1);
        random.nextBytes(shards[0]);
        random.nextBytes(shards[1]);
        ReedSolomon code = new ReedSolomon(K, shards.length);
        byte[][] data = {shards[0], shards[1]};
        for (int i = K; i < shards.length; i++) {
            code.compute(new int[] {0, 1}, data, i, shards[i], SHARD_BYTES);
        }
        List<Bytes32> ids = new ArrayList<>();
        for (byte[] shard : shards) {
            ids.add(store.put(new ByteArrayInputStream(shard), Progress.none()));
        }
        blob = new StripedBlob(new Bytes32(1, 2, 3, 4), K * SHARD_BYTES, K, ids);
    }

    @AfterEach
    void close() throws IOException {
        store.close();
    }

    /** Has one shard, and shows a group of it at once. */
    private record Holder(BlobStore store, Bytes32 shard, long slowMs) implements BlobSource {
        @Override
        public String name() {
            return "holder";
        }

        @Override
        public long bytes(Bytes32 id) throws IOException {
            if (!id.equals(shard)) {
                throw new NoSuchBlobException(id, name());
            }
            return SHARD_BYTES;
        }

        @Override
        public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
            if (range.length() > ChunkGroups.BYTES) {
                try {
                    Thread.sleep(slowMs);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (StoredBlob stored = store.open(id)) {
                stored.encode(range, (some, length) -> out.write(some, 0, length));
            }
            return new ByteArrayInputStream(out.toByteArray());
        }
    }

    private byte[] last(int others, long slowMs) throws IOException {
        List<BlobSource> holders = new ArrayList<>();
        for (int i = 0; i < others; i++) {
            holders.add(new Holder(store, blob.shards().get(i), i == 0 ? slowMs : 0));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new ShardSources(blob, holders, 200).compute(3, (bytes, length) -> out.write(bytes, 0, length));
        return out.toByteArray();
    }

    @Test
    void aShardThatDripsIsLeftForAnother() throws IOException {
        assertArrayEquals(shards[3], last(3, FOR_EVER));
    }

    @Test
    void aShardThatIsSlowIsWaitedForWhereNoOtherWouldDo() throws IOException {
        assertArrayEquals(shards[3], last(2, 1_000));
    }

    @Test
    void sourcesThatFailAreNamedAndThoseWithoutAShardAreNot() throws IOException {
        BlobSource failing = new BlobSource() {
            @Override
            public String name() {
                return "failing";
            }

            @Override
            public long bytes(Bytes32 id) throws IOException {
                throw new IOException("down");
            }

            @Override
            public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
                throw new IOException("down");
            }
        };
        BlobSource has = new Holder(store, blob.shards().getFirst(), 0);
        BlobSource hasNone = new Holder(store, blob.id(), 0);
        assertEquals(Set.of(failing), new ShardSources(blob, List.of(has, failing, hasNone)).unanswered());
    }

    @Test
    void piecesOfAllShardsTogetherFitInMemory() {
        assertEquals(4 << 20, ShardSources.pieceBytes(1));
        assertEquals(4 << 20, ShardSources.pieceBytes(16));
        for (int k = 1; k <= ReedSolomon.MOST_SHARDS; k++) {
            int piece = ShardSources.pieceBytes(k);
            assertTrue(piece > 0 && piece % ChunkGroups.BYTES == 0 && (long) k * piece <= 64 << 20, k + ": " + piece);
        }
    }
}
