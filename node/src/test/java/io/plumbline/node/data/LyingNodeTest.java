package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What one data node says falsely, asked before one that has the blob. */
class LyingNodeTest {
    @TempDir
    private Path folder;

    private BlobStore store;
    private BlobServer server;
    private BlobNode honest;

    @BeforeEach
    void serve() throws IOException {
        store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
        server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
        honest = new BlobNode("http://127.0.0.1:" + server.port(), null);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        store.close();
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aLengthIsTakenOfTheFirstNodeThatProvesIt() throws IOException {
        for (int length : new int[] {0, 1, ChunkGroups.BYTES, ChunkGroups.BYTES + 1, 1_000_000}) {
            Bytes32 id = store.put(new ByteArrayInputStream(bytes(length)), Progress.none());
            for (long said : new long[] {0, 1, ChunkGroups.BYTES, length + 1, 1L << 40}) {
                try (LyingNode liar = new LyingNode(said, Map.of())) {
                    assertEquals(length, download(liar.node(), honest).bytes(id), "said: " + said);
                    IOException alone = assertThrows(
                            IOException.class, () -> download(liar.node()).bytes(Bytes32.ZERO));
                    assertTrue(alone.getMessage().contains(liar.node().name()), alone.getMessage());
                }
            }
        }
        try (LyingNode liar = new LyingNode(7, Map.of())) {
            IOException none = assertThrows(
                    IOException.class, () -> download(liar.node(), honest).bytes(Bytes32.ZERO));
            assertTrue(none.getMessage().contains(honest.name() + " does not have it"), none.getMessage());
        }
        assertThrows(NoSuchBlobException.class, () -> download(honest, honest).bytes(Bytes32.ZERO));
    }

    private static Download download(BlobNode... nodes) {
        return new Download(List.of(nodes), RateLimit.none(), warning -> {});
    }

    /** Somebody with a key of this node may have begun the blob with a false length. */
    @Test
    void aProvenLengthTakesThePlaceOfOneThatWasClaimed() throws IOException {
        byte[] bytes = bytes(100_000);
        Bytes32 id = store.put(new ByteArrayInputStream(bytes), Progress.none());
        try (BlobStore other = BlobStore.open(folder.resolve("other"), Long.MAX_VALUE)) {
            other.receive(id, 99_999);
            PartialBlob begun = other.receiveProven(id, download(honest).bytes(id));
            download(honest).run(begun, Progress.none());
            assertEquals(bytes.length, other.stat(id).bytes());
            assertEquals(bytes.length, other.usage().bytes());
        }
    }

    @Test
    void aModelsCompanionIsTakenOfANodeThatHasIt() throws IOException {
        Path model = folder.resolve("model");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        Bytes32 id = Bytes32.of(ModelPush.run(model, honest, RateLimit.none(), Progress.none()));
        List<String> warnings = new ArrayList<>();
        Map<String, List<Bytes32>> pinned =
                Map.of(ModelParts.companionPin(id.toString(), "config.json"), List.of(new Bytes32(1, 2, 3, 4)));
        try (LyingNode liar = new LyingNode(100, pinned)) {
            Path pulled = folder.resolve("pulled");
            ModelPull.run(id, List.of(liar.node(), honest), RateLimit.none(), pulled, new ModelPull.Listener() {
                @Override
                public void begins(long all) {}

                @Override
                public void more(long some) {}

                @Override
                public void warn(String warning) {
                    warnings.add(warning);
                }
            });
            assertArrayEquals(
                    Files.readAllBytes(model.resolve("config.json")),
                    Files.readAllBytes(pulled.resolve("config.json")));
            String told = String.join("\n", warnings);
            assertTrue(
                    told.contains("config.json is asked of others, since "
                            + liar.node().name()),
                    told);
        }
    }
}
