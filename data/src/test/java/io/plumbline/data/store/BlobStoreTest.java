package io.plumbline.data.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlobStoreTest {
    private static final int GROUP = ChunkGroups.BYTES;

    @TempDir
    private Path folder;

    private BlobStore open() throws IOException {
        return BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
    }

    private static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static Bytes32 put(BlobStore store, byte[] bytes) throws IOException {
        return store.put(new ByteArrayInputStream(bytes), Progress.none());
    }

    private static byte[] read(BlobStore store, Bytes32 id) throws IOException {
        try (StoredBlob blob = store.open(id)) {
            byte[] all = new byte[(int) blob.bytes()];
            blob.read(0, all, 0, all.length);
            return all;
        }
    }

    private static byte[] encode(BlobStore store, Bytes32 id, long from, long to) throws IOException {
        try (StoredBlob blob = store.open(id)) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            blob.encode(new ByteRange(from, to), (bytes, n) -> out.write(bytes, 0, n));
            return out.toByteArray();
        }
    }

    private Path file(BlobStore store, String part, Bytes32 id) {
        return store.folder()
                .resolve(part)
                .resolve(id.toString().substring(0, 2))
                .resolve(id.toString());
    }

    private List<Path> partialFiles() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("store").resolve("partial"))) {
            return files.toList();
        }
    }

    @Test
    void blobsOfAnySizeComeBackByB3sumsHashAndStayOverARestart() throws IOException {
        List<byte[]> all = new ArrayList<>();
        for (int length : new int[] {0, 1, 1024, GROUP, GROUP + 1, 3_000_001}) {
            all.add(bytes(length, length));
        }
        try (BlobStore store = open()) {
            for (byte[] one : all) {
                assertEquals(Bytes32.of(Blake3.hash(one)), put(store, one));
            }
            put(store, all.getLast());
            assertEquals(all.size(), store.usage().blobs());
            assertEquals(
                    all.stream().mapToLong(one -> one.length).sum(),
                    store.usage().bytes());
        }
        try (BlobStore store = open()) {
            for (byte[] one : all) {
                Bytes32 id = Bytes32.of(Blake3.hash(one));
                assertArrayEquals(one, read(store, id));
                assertEquals(List.of(), store.scrub(id, Progress.none()));
            }
            assertEquals(all.size(), store.usage().blobs());
            assertEquals(List.of(), partialFiles());
        }
    }

    @Test
    void aWriterThatIsClosedBeforeItsCommitLeavesNothing() throws IOException {
        try (BlobStore store = open()) {
            try (BlobWriter writer = store.write()) {
                writer.write(ByteBuffer.wrap(bytes(100_000, 1)));
            }
            assertEquals(new BlobStore.Usage(0, 0, Long.MAX_VALUE), store.usage());
            assertEquals(List.of(), partialFiles());
            assertEquals(List.of(), store.list(null, 10));
        }
    }

    @Test
    void theQuotaRefusesWhatDoesNotFitAndHarmsNothingElse() throws IOException {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), 100_000)) {
            Bytes32 first = put(store, bytes(60_000, 1));
            assertThrows(NoRoomException.class, () -> put(store, bytes(40_001, 2)));
            assertThrows(NoRoomException.class, () -> store.receive(Bytes32.of(new byte[32]), 40_001));
            assertThrows(NoRoomException.class, () -> store.receive(Bytes32.of(new byte[32]), 1L << 40));
            assertEquals(List.of(), partialFiles());
            put(store, bytes(40_000, 3));
            store.delete(first);
            put(store, bytes(60_000, 4));
        }
    }

    @Test
    void aStoreHasOneProcessAtATimeAndTheSecondIsToldSo() throws IOException {
        try (BlobStore store = open()) {
            IOException refused = assertThrows(IOException.class, this::open);
            assertTrue(refused.getMessage().contains("is in use by another process"), refused.getMessage());
            put(store, bytes(10, 1));
        }
    }

    @Test
    void aBlobThatArrivesInRangesInAnyOrderIsWholeWhenTheLastHasCome() throws IOException {
        byte[] bytes = bytes(700 * GROUP + 77, 5);
        Path other = folder.resolve("other");
        try (BlobStore from = BlobStore.open(other, Long.MAX_VALUE);
                BlobStore to = open()) {
            Bytes32 id = put(from, bytes);
            PartialBlob partial = to.receive(id, bytes.length);
            List<ByteRange> ranges = new ArrayList<>(partial.missing(37L * GROUP, 100));
            assertEquals(19, ranges.size());
            Collections.shuffle(ranges, new Random(5));
            for (ByteRange range : ranges) {
                assertThrows(NoSuchBlobException.class, () -> to.open(id));
                partial.receive(
                        range, new ByteArrayInputStream(encode(from, id, range.from(), range.to())), Progress.none());
            }
            assertTrue(partial.isWhole());
            partial.commit();
            assertArrayEquals(bytes, read(to, id));
            assertEquals(List.of(), to.scrub(id, Progress.none()));
            assertArrayEquals(
                    Files.readAllBytes(file(from, "outboards", id)), Files.readAllBytes(file(to, "outboards", id)));
            assertEquals(List.of(), partialFiles());
            assertEquals(bytes.length, to.usage().bytes());
        }
    }

    /** A client that announces a large blob and sends little of it keeps no room from others. */
    @Test
    void aBlobThatIsReceivedAsItComesTakesRoomForWhatHasCome() throws IOException {
        byte[] bytes = bytes(20 * GROUP, 8);
        byte[] first;
        byte[] rest;
        Bytes32 id;
        try (BlobStore from = BlobStore.open(folder.resolve("other"), Long.MAX_VALUE)) {
            id = put(from, bytes);
            first = encode(from, id, 0, 8L * GROUP);
            rest = encode(from, id, 8L * GROUP, bytes.length);
        }
        long quota = 22L * GROUP;
        Bytes32 other;
        try (BlobStore to = BlobStore.open(folder.resolve("store"), quota)) {
            PartialBlob partial = to.receiveAsItComes(id, bytes.length);
            assertEquals(0, to.usage().bytes());
            partial.receive(new ByteRange(0, 8L * GROUP), new ByteArrayInputStream(first), Progress.none());
            assertEquals(8L * GROUP, to.usage().bytes());
            partial.save();
            other = put(to, bytes(10 * GROUP, 9));
            assertThrows(
                    NoRoomException.class,
                    () -> partial.receive(
                            new ByteRange(8L * GROUP, bytes.length), new ByteArrayInputStream(rest), Progress.none()));
            assertTrue(to.usage().bytes() <= quota, to.usage().toString());
        }
        try (BlobStore to = BlobStore.open(folder.resolve("store"), quota)) {
            PartialBlob partial = to.receiveAsItComes(id, bytes.length);
            assertEquals(10L * GROUP + partial.presentBytes(), to.usage().bytes(), "what an earlier process left");
            to.delete(other);
            partial.receive(new ByteRange(8L * GROUP, bytes.length), new ByteArrayInputStream(rest), Progress.none());
            partial.commit();
            assertEquals(bytes.length, to.usage().bytes());
            assertArrayEquals(bytes, read(to, id));
            to.delete(id);
            to.receiveAsItComes(id, bytes.length)
                    .receive(new ByteRange(0, 8L * GROUP), new ByteArrayInputStream(first), Progress.none());
            to.forget(id);
            assertEquals(0, to.usage().bytes());
        }
    }

    @Test
    void whatWasReceivedBeforeAnEndIsNotAskedForAgainAndAWrongByteIsNeverKept() throws IOException {
        byte[] bytes = bytes(20 * GROUP, 6);
        Bytes32 id;
        byte[] first;
        byte[] rest;
        try (BlobStore from = BlobStore.open(folder.resolve("other"), Long.MAX_VALUE)) {
            id = put(from, bytes);
            first = encode(from, id, 0, 8L * GROUP);
            rest = encode(from, id, 8L * GROUP, bytes.length);
        }
        try (BlobStore to = open()) {
            PartialBlob partial = to.receive(id, bytes.length);
            partial.receive(new ByteRange(0, 8L * GROUP), new ByteArrayInputStream(first), Progress.none());
            byte[] wrong = rest.clone();
            wrong[wrong.length - 1] ^= 1;
            assertThrows(
                    WrongBytesException.class,
                    () -> partial.receive(
                            new ByteRange(8L * GROUP, bytes.length), new ByteArrayInputStream(wrong), Progress.none()));
            assertEquals(19L * GROUP, partial.presentBytes());
        }
        try (BlobStore to = open()) {
            PartialBlob partial = to.receive(id, bytes.length);
            assertEquals(List.of(new ByteRange(19L * GROUP, 20L * GROUP)), partial.missing(Long.MAX_VALUE, 10));
            assertThrows(IllegalArgumentException.class, () -> to.receive(id, bytes.length + 1));
            partial.receive(new ByteRange(8L * GROUP, bytes.length), new ByteArrayInputStream(rest), Progress.none());
            partial.commit();
            assertArrayEquals(bytes, read(to, id));
            assertThrows(IllegalArgumentException.class, () -> to.receive(id, bytes.length));
        }
    }

    @Test
    void bitRotIsFoundNotServedAndOnlyWhatIsDamagedIsReceivedAgain() throws IOException {
        byte[] bytes = bytes(50 * GROUP + 5, 7);
        try (BlobStore good = BlobStore.open(folder.resolve("other"), Long.MAX_VALUE);
                BlobStore store = open()) {
            Bytes32 id = put(good, bytes);
            put(store, bytes);
            store.pin(id, "kept");
            flip(file(store, "blobs", id), 17L * GROUP + 3);
            flip(file(store, "blobs", id), 18L * GROUP);
            flip(file(store, "blobs", id), bytes.length - 1);
            List<ByteRange> damaged = store.scrub(id, Progress.none());
            assertEquals(
                    List.of(new ByteRange(17L * GROUP, 19L * GROUP), new ByteRange(50L * GROUP, bytes.length)),
                    damaged);
            assertThrows(NoSuchBlobException.class, () -> store.open(id));
            assertTrue(store.stat(id).isDamaged());
            assertEquals(damaged, store.scrub(id, Progress.none()));
        }
        try (BlobStore good = BlobStore.open(folder.resolve("other"), Long.MAX_VALUE);
                BlobStore store = open()) {
            Bytes32 id = Bytes32.of(Blake3.hash(bytes));
            PartialBlob partial = store.receive(id, bytes.length);
            for (ByteRange range : partial.missing(Long.MAX_VALUE, 10)) {
                partial.receive(
                        range, new ByteArrayInputStream(encode(good, id, range.from(), range.to())), Progress.none());
            }
            partial.commit();
            assertArrayEquals(bytes, read(store, id));
            assertEquals(List.of(), store.scrub(id, Progress.none()));
            assertEquals(List.of("kept"), List.copyOf(store.stat(id).pins()));
            assertEquals(bytes.length, store.usage().bytes());
        }
    }

    @Test
    void anOutboardAloneThatIsWrongOrGoneIsWrittenAgainAndACutFileIsAllDamaged() throws IOException {
        byte[] bytes = bytes(50 * GROUP + 5, 8);
        try (BlobStore store = open()) {
            Bytes32 id = put(store, bytes);
            byte[] outboard = Files.readAllBytes(file(store, "outboards", id));
            flip(file(store, "outboards", id), 100);
            assertEquals(List.of(), store.scrub(id, Progress.none()));
            assertArrayEquals(outboard, Files.readAllBytes(file(store, "outboards", id)));
            Files.delete(file(store, "outboards", id));
            assertEquals(List.of(), store.scrub(id, Progress.none()));
            assertArrayEquals(outboard, Files.readAllBytes(file(store, "outboards", id)));
            try (FileChannel cut = FileChannel.open(file(store, "blobs", id), StandardOpenOption.WRITE)) {
                cut.truncate(GROUP);
            }
            assertEquals(List.of(new ByteRange(GROUP, bytes.length)), store.scrub(id, Progress.none()));
            // Put again, it is well.
            assertEquals(id, put(store, bytes));
            assertArrayEquals(bytes, read(store, id));
            assertEquals(bytes.length, store.usage().bytes());
            assertNull(store.receiving(id));
            assertEquals(List.of(), partialFiles());
        }
    }

    @Test
    void aScrubThatIsInterruptedSaysNothingOfTheBlob() throws IOException {
        byte[] bytes = bytes(50 * GROUP, 10);
        try (BlobStore store = open()) {
            Bytes32 id = put(store, bytes);
            assertThrows(
                    ClosedChannelException.class,
                    () -> store.scrub(id, done -> Thread.currentThread().interrupt()));
            assertTrue(Thread.interrupted());
            assertArrayEquals(bytes, read(store, id));
        }
    }

    private static void flip(Path file, long at) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            one.put(0, (byte) (one.get(0) ^ 4)).flip();
            channel.write(one, at);
        }
    }

    @Test
    void whatIsPinnedStaysAndWhatIsNotIsCollected() throws IOException {
        try (BlobStore store = open()) {
            Bytes32 kept = put(store, bytes(1000, 1));
            Bytes32 dropped = put(store, bytes(2000, 2));
            store.pin(kept, "a");
            store.pin(kept, "b");
            assertEquals(List.of(store.stat(kept)), store.pinned("a", 10));
            store.unpin(kept, "a");
            assertEquals(List.of(), store.pinned("a", 10));
            assertEquals(List.of(store.stat(kept)), store.pinned("b", 10));
            assertEquals(new BlobStore.Collected(0, 0), store.collect(0));
            assertEquals(new BlobStore.Collected(1, 2000), store.collect(Long.MAX_VALUE));
            assertThrows(NoSuchBlobException.class, () -> store.open(dropped));
            assertNotNull(store.stat(kept));
            store.unpin(kept, "b");
            assertEquals(List.of(), store.pinned("b", 10));
            assertEquals(new BlobStore.Collected(1, 1000), store.collect(Long.MAX_VALUE));
            assertEquals(0, store.usage().bytes());
            assertThrows(NoSuchBlobException.class, () -> store.pin(kept, "a"));
        }
    }

    @Test
    void pinsAreFewAndShort() throws IOException {
        try (BlobStore store = open()) {
            Bytes32 id = put(store, bytes(1, 1));
            for (String wrong : List.of("", "x".repeat(129), "a\nb", "ä")) {
                assertThrows(IllegalArgumentException.class, () -> store.pin(id, wrong));
            }
            for (int i = 0; i < BlobStat.MOST_PINS; i++) {
                store.pin(id, "pin " + i);
            }
            assertThrows(IllegalArgumentException.class, () -> store.pin(id, "one more"));
        }
    }

    @Test
    void partialBlobsThatNobodyGoesOnWithAreCollected() throws IOException {
        Bytes32 id = Bytes32.of(Blake3.hash(bytes(5 * GROUP, 1)));
        try (BlobStore store = open()) {
            store.receive(id, 5L * GROUP);
        }
        try (BlobStore store = open()) {
            assertFalse(partialFiles().isEmpty());
            store.collect(Long.MAX_VALUE);
            assertEquals(List.of(), partialFiles());
            store.receive(id, 5L * GROUP);
            store.collect(Long.MAX_VALUE);
            assertNotNull(store.receiving(id));
            store.forget(id);
            assertEquals(0, store.usage().bytes());
        }
    }

    @Test
    void listsInOrderAndInPages() throws IOException {
        try (BlobStore store = open()) {
            List<Bytes32> ids = new ArrayList<>();
            for (int i = 0; i < 25; i++) {
                ids.add(put(store, bytes(10 + i, i)));
            }
            Collections.sort(ids);
            List<Bytes32> listed = new ArrayList<>();
            Bytes32 after = null;
            for (List<BlobStat> page = store.list(null, 7); !page.isEmpty(); page = store.list(after, 7)) {
                page.forEach(stat -> listed.add(stat.id()));
                after = page.getLast().id();
            }
            assertEquals(ids, listed);
        }
    }

    @Test
    void aChunkOfABlobIsProvenByTheIdAlone() throws IOException {
        byte[] bytes = bytes(50 * GROUP + 5, 9);
        try (BlobStore store = open()) {
            for (byte[] one : List.of(bytes, Arrays.copyOf(bytes, 3000), new byte[1])) {
                Bytes32 id = put(store, one);
                try (StoredBlob blob = store.open(id)) {
                    int last = (one.length - 1) / 1024;
                    for (int chunk : new int[] {0, last / 2, last}) {
                        byte[] slice = blob.slice(chunk);
                        Slice expected = new Slice(null, one.length, StoredBlob.chunkSet(one.length, chunk));
                        Slice.Proven proven = expected.verify(MemorySegment.ofArray(slice), id.bytes());
                        assertNotNull(proven);
                        slice[slice.length - 1] ^= 1;
                        assertNull(expected.verify(MemorySegment.ofArray(slice), id.bytes()));
                    }
                }
            }
        }
    }

    /** Blobs are locked one by one: what threads do to the same and to others at once leaves sums that are right. */
    @Test
    void severalThreadsPutPinAndDeleteTheSameBlobsAtOnce() throws Exception {
        int blobs = 40;
        try (BlobStore store = open();
                ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 8 * blobs; i++) {
                byte[] content = bytes(100 + i % blobs, i % blobs);
                int round = i / blobs;
                all.add(threads.submit(() -> {
                    Bytes32 id = put(store, content);
                    store.pin(id, "round " + round);
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
            long bytes = 100L * blobs + blobs * (blobs - 1L) / 2;
            assertEquals(new BlobStore.Usage(blobs, bytes, Long.MAX_VALUE), store.usage());
            all.clear();
            store.forEach(stat -> {
                assertEquals(8, stat.pins().size(), "each thread's pin");
                all.add(threads.submit(() -> {
                    store.delete(stat.id());
                    return null;
                }));
            });
            for (Future<?> one : all) {
                one.get();
            }
            assertEquals(new BlobStore.Usage(0, 0, Long.MAX_VALUE), store.usage());
        }
    }
}
