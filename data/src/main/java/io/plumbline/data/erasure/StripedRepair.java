package io.plumbline.data.erasure;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.BlobWriter;
import io.plumbline.data.store.Progress;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Makes a shard that is gone again, of any k others, in a store. */
public final class StripedRepair {
    private StripedRepair() {}

    /**
     * Computes a shard and keeps it.
     *
     * @param progress hears of bytes that were written.
     * @throws IOException where fewer than k others can be had, or what they give has another id: then the description
     *     is wrong, and nothing is kept.
     */
    public static void run(StripedBlob blob, int shard, ShardSources sources, BlobStore store, Progress progress)
            throws IOException {
        Bytes32 expected = blob.shards().get(shard);
        try (BlobWriter writer = store.write()) {
            sources.compute(shard, (bytes, length) -> {
                writer.write(ByteBuffer.wrap(bytes, 0, length));
                progress.more(length);
            });
            writer.commit(expected, StripedBlob.shardPin(blob.id()));
        }
    }
}
