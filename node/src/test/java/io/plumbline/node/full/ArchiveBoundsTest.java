package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.data.BlobServer;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A node and its own requester may have evidence made without end: it fills no data node, and holds up nothing. */
@Timeout(60)
class ArchiveBoundsTest {
    @TempDir
    private Path folder;

    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private final Events events = new Events(new PrintStream(told, true, StandardCharsets.UTF_8));

    private final ArchiveCipher cipher = new ArchiveCipher(KeyPair.random());

    private static byte[] bytes(int length, int seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private void awaitTold(String text) throws InterruptedException {
        while (!told.toString(StandardCharsets.UTF_8).contains(text)) {
            Thread.sleep(20);
        }
    }

    private Archive archive(BlobServer server) throws Exception {
        BlobNode node = new BlobNode("http://127.0.0.1:" + server.port(), null);
        return new Archive(new ArchivePlace(node, cipher), folder.resolve("archived"), 100_000, events);
    }

    @Test
    void theNewestEvidenceStaysPinnedAlsoOverARestart() throws Exception {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace)) {
            for (int i = 0; i < 5; i++) {
                try (Archive archive = archive(server)) {
                    archive.evidence(bytes(40_000, i));
                    awaitTold("\"pin\":\"evidence " + Blake3.hex(Blake3.hash(bytes(40_000, i))));
                }
            }
            for (int i = 0; i < 5; i++) {
                Bytes32 put = Bytes32.of(Blake3.hash(cipher.encrypt(bytes(40_000, i))));
                assertEquals(i < 3, store.stat(put).pins().isEmpty(), "evidence " + i);
            }
        }
    }

    @Test
    void whatTheDataNodeHasNoRoomForHoldsUpNothingElse() throws Exception {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), 50_000);
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
                Archive archive = archive(server)) {
            archive.evidence(bytes(90_000, 1));
            awaitTold("Not all is archived for now");
            archive.snapshot(bytes(10_000, 2), 7);
            awaitTold("\"pin\":\"ledger snapshot 7\"");
            assertEquals(cipher.encrypt(bytes(10_000, 2)).length, store.usage().bytes());
        }
        assertTrue(told.toString(StandardCharsets.UTF_8).contains("507"), told.toString());
    }
}
