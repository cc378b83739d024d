package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Data nodes that give a blob, right but hardly, beside one that gives it. */
@Tag("slow")
@Timeout(60)
class SlowSourcesTest {
    @TempDir
    private Path folder;

    private BlobStore store;
    private BlobServer server;
    private BlobNode node;

    @BeforeEach
    void serve() throws IOException {
        store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
        server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
        node = new BlobNode("http://127.0.0.1:" + server.port(), null);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        store.close();
    }

    /** Gives so many bytes of each range, and no more until it is closed. */
    private record Stalling(BlobSource source, int freeBytes, AtomicInteger opened, AtomicInteger closed)
            implements BlobSource {
        @Override
        public String name() {
            return "stalling";
        }

        @Override
        public long bytes(Bytes32 id) throws IOException {
            return source.bytes(id);
        }

        @Override
        public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
            opened.incrementAndGet();
            CountDownLatch end = new CountDownLatch(1);
            return new FilterInputStream(source.range(id, bytes, range)) {
                private int left = freeBytes;

                @Override
                public int read(byte[] target, int offset, int length) throws IOException {
                    if (left == 0) {
                        try {
                            end.await();
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                        throw new IOException("closed");
                    }
                    int read = super.read(target, offset, Math.min(left, length));
                    left -= Math.max(0, read);
                    return read;
                }

                @Override
                public void close() throws IOException {
                    if (end.getCount() > 0) {
                        closed.incrementAndGet();
                    }
                    end.countDown();
                    super.close();
                }
            };
        }
    }

    @Test
    void aBlobComesWhileAllSourcesButOneStall() throws Exception {
        AtomicInteger opened = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        for (int length : new int[] {0, 300_000, (20 << 20) + 5}) {
            byte[] bytes = new byte[length];
            new Random(length).nextBytes(bytes);
            Bytes32 id = store.put(new ByteArrayInputStream(bytes), Progress.none());
            List<BlobSource> sources = new ArrayList<>();
            for (int free : new int[] {0, 0, 20_000, 100_000}) {
                sources.add(new Stalling(node, free, opened, closed));
            }
            sources.add(node);
            List<String> warnings = new ArrayList<>();
            AtomicLong came = new AtomicLong();
            Path to = folder.resolve("got-" + length);
            try (PartialBlob blob = PartialBlob.besideFile(id, length, to)) {
                new Download(sources, RateLimit.none(), warnings::add).run(blob, came::addAndGet);
            }
            assertArrayEquals(bytes, Files.readAllBytes(to));
            assertEquals(length, came.get(), "no byte is told twice");
            assertEquals(List.of(), warnings, "one that is slow is none that fails");
        }
        assertTrue(opened.get() > 8, "they were asked: " + opened);
        while (closed.get() < opened.get()) {
            Thread.sleep(20);
        }
    }
}
