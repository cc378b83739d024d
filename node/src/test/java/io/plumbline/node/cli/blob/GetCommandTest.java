package io.plumbline.node.cli.blob;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedPut;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.data.BlobServer;
import io.plumbline.node.data.LyingNode;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code blob get} of data nodes of which one, the first that is named, lies. */
class GetCommandTest {
    @TempDir
    private Path folder;

    private final List<AutoCloseable> open = new ArrayList<>();

    private BlobStore store() throws IOException {
        BlobStore store = BlobStore.open(folder.resolve("store" + open.size()), Long.MAX_VALUE);
        open.addFirst(store);
        return store;
    }

    private BlobNode serve(BlobStore store) throws IOException {
        BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
        open.addFirst(server);
        return new BlobNode("http://127.0.0.1:" + server.port(), null);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private byte[] get(Bytes32 id, List<BlobNode> nodes, String... more) throws IOException {
        Path to = folder.resolve("got");
        List<String> words = new ArrayList<>(List.of(id.toString(), "--to", to.toString()));
        nodes.forEach(node -> words.addAll(List.of("--data-node", node.name())));
        words.addAll(List.of(more));
        GetCommand command = new GetCommand();
        JCommander.newBuilder().addObject(command).build().parse(words.toArray(String[]::new));
        assertEquals(0, command.call());
        byte[] got = Files.readAllBytes(to);
        Files.delete(to);
        return got;
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aBlobIsGotWholeAndByRangesThoughOneSaysThatItHasAnother() throws IOException {
        byte[] bytes = random(3 << 20);
        BlobStore store = store();
        Bytes32 id = store.put(new ByteArrayInputStream(bytes), Progress.none());
        try (LyingNode liar = new LyingNode(77, Map.of())) {
            List<BlobNode> nodes = List.of(liar.node(), serve(store));
            assertArrayEquals(bytes, get(id, nodes));
            assertArrayEquals(Arrays.copyOfRange(bytes, 100, 2_500_000), get(id, nodes, "--range", "100-2499999"));
            IOException beyond = assertThrows(IOException.class, () -> get(id, nodes, "--range", "3145728-3145729"));
            assertTrue(beyond.getMessage().contains("within the blob's 3145728 bytes"), beyond.getMessage());
        }
    }

    @Test
    void aStripedBlobIsGotThoughOneSaysThatItHasItWholeAndOneDescribesAnother() throws IOException {
        byte[] bytes = random(3 << 20);
        List<BlobNode> nodes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            nodes.add(serve(store()));
        }
        Path file = Files.write(folder.resolve("file"), bytes);
        StripedBlob blob = StripedPut.run(file, nodes, nodes, 2, "test", RateLimit.none(), Progress.none());
        List<Bytes32> swapped = new ArrayList<>(blob.shards());
        Collections.swap(swapped, 0, 1);
        String text = new StripedBlob(blob.id(), blob.bytes(), 2, swapped).text();
        BlobStore lies = store();
        lies.put(
                new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII)),
                Progress.none(),
                StripedBlob.pin(blob.id()));
        try (LyingNode liar = new LyingNode(bytes.length, Map.of())) {
            List<BlobNode> asked = new ArrayList<>(List.of(liar.node(), serve(lies)));
            asked.addAll(nodes);
            assertArrayEquals(bytes, get(blob.id(), asked));
            assertArrayEquals(
                    Arrays.copyOfRange(bytes, 100, 2_500_000), get(blob.id(), asked, "--range", "100-2499999"));
        }
    }
}
