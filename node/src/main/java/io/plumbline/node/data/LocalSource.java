package io.plumbline.node.data;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/** A store of this host as a source: what a disk says is proven like what another host says. */
public final class LocalSource implements BlobSource {
    private final BlobStore store;

    public LocalSource(BlobStore store) {
        this.store = store;
    }

    @Override
    public String name() {
        return store.folder().toString();
    }

    @Override
    public long bytes(Bytes32 id) throws IOException {
        try (StoredBlob blob = store.open(id)) {
            return blob.bytes();
        }
    }

    @Override
    public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
        try (StoredBlob blob = store.open(id)) {
            ByteArrayOutputStream out = new ByteArrayOutputStream((int) (range.length() + (range.length() >> 6)));
            blob.encode(range, (some, length) -> out.write(some, 0, length));
            return new ByteArrayInputStream(out.toByteArray());
        }
    }
}
