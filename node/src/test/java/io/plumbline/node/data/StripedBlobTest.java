package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.erasure.ShardSources;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.erasure.StripedPut;
import io.plumbline.data.erasure.StripedRepair;
import io.plumbline.data.erasure.StripedSource;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file as shards at six data nodes, of which two are lost. */
class StripedBlobTest {
    private static final int NODES = 6;
    private static final int K = 4;

    @TempDir
    private Path folder;

    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<BlobStore> stores = new ArrayList<>();
    private final List<BlobNode> nodes = new ArrayList<>();

    private void serve(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            BlobStore store = BlobStore.open(folder.resolve("node" + stores.size()), Long.MAX_VALUE);
            open.addFirst(store);
            BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
            open.addFirst(server);
            stores.add(store);
            nodes.add(new BlobNode("http://127.0.0.1:" + server.port(), null));
        }
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private StripedBlob put(byte[] bytes) throws IOException {
        Path file = Files.write(folder.resolve("file"), bytes);
        StripedBlob blob = StripedPut.run(file, nodes, nodes, K, "test", RateLimit.none(), Progress.none());
        assertEquals(Bytes32.of(Blake3.hash(bytes)), blob.id());
        return blob;
    }

    private byte[] get(StripedBlob blob, List<BlobNode> from, List<String> warnings) throws IOException {
        Path to = folder.resolve("got");
        StripedGet.run(blob, from, RateLimit.none(), to, Progress.none(), warnings::add);
        byte[] got = Files.readAllBytes(to);
        Files.delete(to);
        return got;
    }

    @Test
    void anyTwoOfSixNodesMayBeLostAndTheirShardsAreMadeAgain() throws IOException {
        serve(NODES);
        byte[] bytes = random((9 << 20) + 12345);
        StripedBlob blob = put(bytes);
        long kept = stores.stream().mapToLong(store -> store.usage().bytes()).sum();
        assertTrue(kept < 1.53 * bytes.length, "half as much again: " + kept);
        assertEquals(blob, StripedGet.find(blob.id(), nodes.subList(3, 4)));
        assertNull(StripedGet.find(Bytes32.of(new byte[32]), nodes));
        assertArrayEquals(bytes, get(blob, nodes, new ArrayList<>()));
        for (int lost = 0; lost < NODES; lost++) {
            List<BlobNode> left = new ArrayList<>(nodes);
            left.remove(lost);
            left.remove(lost % (NODES - 1));
            assertArrayEquals(bytes, get(blob, left, new ArrayList<>()), "without " + lost);
        }
        List<String> warnings = new ArrayList<>();
        assertThrows(IOException.class, () -> get(blob, nodes.subList(0, 3), warnings));
        assertTrue(warnings.getFirst().startsWith("3 of 6 shards"), warnings.toString());

        Bytes32 first = blob.shards().getFirst();
        stores.getFirst().delete(first);
        ShardSources sources = new ShardSources(blob, nodes);
        assertEquals(List.of(0), sources.missing());
        StripedRepair.run(blob, 0, sources, stores.get(5), Progress.none());
        assertEquals(List.of(), new ShardSources(blob, nodes).missing());
        assertEquals(blob.shardBytes(), stores.get(5).stat(first).bytes());
    }

    /** Any bytes of it, proven by its id alone, also where shards and nodes are gone. */
    @Test
    void rangesAreProvenByTheBlobsIdAndNotByShards() throws IOException {
        serve(NODES);
        byte[] bytes = random((9 << 20) + 12345);
        StripedBlob blob = put(bytes);
        Random random = new Random(7);
        for (List<BlobNode> from : List.of(nodes, nodes.subList(2, 6), nodes.subList(0, 4))) {
            StripedSource source = new StripedSource(blob, from);
            for (int i = 0; i < 20; i++) {
                int start = random.nextInt(bytes.length);
                int end = Math.min(bytes.length, start + 1 + random.nextInt(3 << 20));
                assertArrayEquals(Arrays.copyOfRange(bytes, start, end), range(source, blob, start, end));
            }
            assertArrayEquals(
                    Arrays.copyOfRange(bytes, bytes.length - 1, bytes.length),
                    range(source, blob, bytes.length - 1, bytes.length));
        }
        List<Bytes32> swapped = new ArrayList<>(blob.shards());
        Collections.swap(swapped, 0, 1);
        StripedSource liar = new StripedSource(new StripedBlob(blob.id(), blob.bytes(), K, swapped), nodes);
        assertThrows(WrongBytesException.class, () -> range(liar, blob, 0, 1000));
        // Three nodes have the outboard, and two may be lost.
        for (BlobStore store : stores) {
            for (BlobStat outboard : store.pinned(StripedBlob.outboardPin(blob.id()), 2)) {
                store.delete(outboard.id());
            }
        }
        StripedSource blind = new StripedSource(blob, nodes);
        IOException gone = assertThrows(NoSuchBlobException.class, () -> range(blind, blob, 0, 1000));
        assertTrue(gone.getMessage().contains("outboard"), gone.getMessage());
        assertArrayEquals(bytes, get(blob, nodes, new ArrayList<>()));
    }

    private static byte[] range(StripedSource source, StripedBlob blob, int from, int to) throws IOException {
        byte[] range = new byte[to - from];
        source.read(blob.id(), blob.bytes(), new ByteRange(from, to), range);
        return range;
    }

    @Test
    void aDescriptionThatLiesGivesNothing() throws IOException {
        serve(NODES);
        byte[] bytes = random(3 << 20);
        StripedBlob blob = put(bytes);
        List<Bytes32> swapped = new ArrayList<>(blob.shards());
        Collections.swap(swapped, 0, 1);
        StripedBlob lie = new StripedBlob(blob.id(), blob.bytes(), K, swapped);
        IOException found = assertThrows(IOException.class, () -> get(lie, nodes, new ArrayList<>()));
        assertTrue(found.getMessage().contains("it described another blob"), found.getMessage());
        assertFalse(Files.exists(folder.resolve("got")));
        ShardSources sources = new ShardSources(lie, nodes);
        assertThrows(IOException.class, () -> StripedRepair.run(lie, 5, sources, stores.getFirst(), Progress.none()));
        // A text that is none is passed over.
        BlobStore store = stores.getFirst();
        Bytes32 text = store.put(
                new ByteArrayInputStream("plumbline-striped 1\nblob x".getBytes(StandardCharsets.UTF_8)),
                Progress.none());
        Bytes32 other = Bytes32.of(Blake3.hash(new byte[] {1}));
        store.pin(text, StripedBlob.pin(other));
        assertNull(StripedGet.find(other, nodes));
    }

    /** A data node of its own that is asked first. */
    private BlobNode serveLies(StripedBlob blob) throws IOException {
        serve(1);
        BlobStore lies = stores.removeLast();
        List<Bytes32> swapped = new ArrayList<>(blob.shards());
        Collections.swap(swapped, 0, 1);
        String text = new StripedBlob(blob.id(), blob.bytes(), K, swapped).text();
        lies.put(
                new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII)),
                Progress.none(),
                StripedBlob.pin(blob.id()));
        lies.put(
                new ByteArrayInputStream(random((int) ChunkGroups.outboardBytes(blob.bytes()))),
                Progress.none(),
                StripedBlob.outboardPin(blob.id()));
        return nodes.removeLast();
    }

    @Test
    void descriptionsAndOutboardsThatOneNodeMakesUpKeepNobodyFromTheBlob() throws IOException {
        serve(NODES);
        byte[] bytes = random((9 << 20) + 12345);
        StripedBlob blob = put(bytes);
        BlobNode liar = serveLies(blob);
        // Named by as many as the true ones.
        List<BlobNode> asked = List.of(liar, nodes.getFirst());
        assertEquals(2, StripedGet.descriptions(blob.id(), asked).size());
        List<BlobNode> all = new ArrayList<>(List.of(liar));
        all.addAll(nodes);
        assertEquals(blob, StripedGet.find(blob.id(), all));
        for (BlobStore store : stores.subList(1, NODES)) {
            for (BlobStat one : store.pinned(StripedBlob.pin(blob.id()), 2)) {
                store.delete(one.id());
            }
            for (BlobStat one : store.pinned(StripedBlob.outboardPin(blob.id()), 2)) {
                store.delete(one.id());
            }
        }
        assertEquals(blob, StripedGet.find(blob.id(), all), "it is proven by ranges of the blob");
        assertArrayEquals(Arrays.copyOfRange(bytes, 5, 3 << 20), range(new StripedSource(blob, all), blob, 5, 3 << 20));
    }

    /** One that says that it has each shard, and one that gives a little of one. */
    @Test
    void aShardIsThereWhereItIsShownAndIsComputedWhereTheRestDoesNotCome() throws IOException {
        serve(NODES);
        byte[] bytes = random((9 << 20) + 12345);
        StripedBlob blob = put(bytes);
        Bytes32 first = blob.shards().getFirst();
        BlobNode has = nodes.getFirst();
        AtomicInteger shown = new AtomicInteger();
        BlobSource little = new BlobSource() {
            @Override
            public String name() {
                return "little";
            }

            @Override
            public long bytes(Bytes32 id) throws IOException {
                return has.bytes(id);
            }

            @Override
            public InputStream range(Bytes32 id, long of, ByteRange range) throws IOException {
                if (range.length() > 16_384) {
                    throw new IOException("not more");
                }
                shown.incrementAndGet();
                return has.range(id, of, range);
            }
        };
        List<BlobSource> sources = new ArrayList<>(List.of(little));
        sources.addAll(nodes.subList(1, NODES));
        List<String> warnings = new ArrayList<>();
        Path to = folder.resolve("got");
        AtomicLong told = new AtomicLong();
        StripedGet.run(blob, sources, RateLimit.none(), to, told::addAndGet, warnings::add);
        assertArrayEquals(bytes, Files.readAllBytes(to));
        assertEquals(K * blob.shardBytes(), told.get());
        assertTrue(shown.get() > 0, "it has shown a part");
        assertTrue(warnings.toString().contains("Shard 0 is computed of others"), warnings.toString());
        StripedRepair.run(blob, 5, new ShardSources(blob, sources), stores.getFirst(), Progress.none());

        try (LyingNode liar = new LyingNode(blob.shardBytes(), Map.of())) {
            stores.getFirst().delete(first);
            List<BlobSource> lied = new ArrayList<>(List.of(liar.node()));
            lied.addAll(nodes);
            assertEquals(List.of(0), new ShardSources(blob, lied).missing());
        }
    }

    /** A liar says that it has all shards, or that it has none and will make what is gone again. */
    @Test
    @Tag("slow")
    void aShardIsMadeAgainWhateverOneNodeSaysOfIt() throws Exception {
        serve(NODES);
        byte[] bytes = random((9 << 20) + 12345);
        StripedBlob blob = put(bytes);
        Bytes32 gone = blob.shards().getFirst();
        Bytes32 description =
                stores.getFirst().pinned(StripedBlob.allPin(), 1).getFirst().id();
        stores.getFirst().delete(gone);
        // The first of those without a shard knows of the blob, and makes nothing.
        serve(1);
        stores.getLast()
                .put(new ByteArrayInputStream(blob.text().getBytes(StandardCharsets.US_ASCII)), Progress.none());
        BlobStore own = stores.get(1);
        for (int i = 0; i < 20; i++) {
            own.put(new ByteArrayInputStream(random(i + 1)), Progress.none(), StripedBlob.allPin());
        }
        Map<String, List<Bytes32>> said = Map.of(StripedBlob.pin(blob.id()), List.of(description));
        try (LyingNode liar = new LyingNode(blob.shardBytes(), said)) {
            List<Peer> peers = new ArrayList<>(List.of(new Peer(new Bytes32(0, 0, 0, 1), liar.node())));
            for (int i = 2; i <= NODES; i++) {
                peers.add(new Peer(new Bytes32(1, 0, 0, i), nodes.get(i)));
            }
            List<Event> told = new ArrayList<>();
            StripeWatch watch = new StripeWatch(own, new Bytes32(1, 0, 0, 1), Duration.ZERO, told::add);
            for (int i = 0; i < 300 && own.stat(gone) == null; i++) {
                watch.look(peers);
                Thread.sleep(100);
            }
        }
        assertEquals(blob.shardBytes(), own.stat(gone).bytes());
    }

    @Test
    void descriptionsAreReadAsTheyAreWritten() {
        List<Bytes32> shards = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            shards.add(Bytes32.of(Blake3.hash(new byte[] {(byte) i})));
        }
        StripedBlob blob = new StripedBlob(Bytes32.of(Blake3.hash(new byte[2])), 5_000_000, 2, shards);
        String text = blob.text();
        assertEquals(blob, StripedBlob.parse(text));
        for (String wrong : List.of(
                "",
                "x",
                text + "\n",
                text.substring(1),
                text.replace("data 2", "data 3"),
                text.replace("data 2", "data 0"),
                text.replace("data 2", "data 02"),
                text.replace("5000000", "-1"),
                text.replace("5000000", "99999999999999999999"),
                text.replace("shard ", "shards "),
                text.replace("\n", "\r\n"))) {
            assertThrows(IllegalArgumentException.class, () -> StripedBlob.parse(wrong), wrong);
        }
    }
}
