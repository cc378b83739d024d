package io.plumbline.data.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is full refuses the write and harms nothing else. On a file system of its own, which takes root. */
class FullDiskTest {
    private static final int DISK_BYTES = 320 << 20;

    @TempDir
    private Path folder;

    @BeforeEach
    void mount() throws IOException, InterruptedException {
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=" + DISK_BYTES, "blobs", folder.toString()),
                "a small disk needs a user who may mount a tmpfs");
    }

    @AfterEach
    void unmount() throws IOException, InterruptedException {
        run("umount", folder.toString());
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
    }

    @Test
    void aFullDiskRefusesTheWriteAndHarmsNothingElse() throws IOException {
        byte[] small = new byte[1 << 20];
        Path filler = folder.resolve("filler");
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            Bytes32 before = store.put(new ByteArrayInputStream(small), Progress.none());
            assertThrows(
                    NoRoomException.class,
                    () -> store.put(new ByteArrayInputStream(new byte[128 << 20]), Progress.none()));
            assertThrows(NoRoomException.class, () -> store.receive(Bytes32.of(new byte[32]), 128 << 20));
            PartialBlob partial = store.receive(Bytes32.of(new byte[32]), 1000);
            // Others take what blobs leave free, in the middle of a write.
            try (BlobWriter writer = store.write()) {
                writer.write(ByteBuffer.wrap(small));
                fill(filler);
                assertThrows(IOException.class, () -> {
                    writer.write(ByteBuffer.wrap(small));
                    writer.commit();
                });
            }
            // Ranges too are refused, before they take what is left.
            assertThrows(
                    NoRoomException.class,
                    () -> partial.receive(
                            new ByteRange(0, 1000), new ByteArrayInputStream(new byte[1000]), Progress.none()));
            Files.delete(filler);
            store.forget(Bytes32.of(new byte[32]));
            assertEquals(1, store.usage().blobs());
            assertEquals(small.length, store.usage().bytes());
            assertEquals(List.of(), store.scrub(before, Progress.none()));
            small[0] = 1;
            store.put(new ByteArrayInputStream(small), Progress.none());
            assertEquals(2, store.usage().blobs());
        }
    }

    private static void fill(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer some = ByteBuffer.allocate(1 << 20);
            while (true) {
                channel.write(some.clear());
            }
        } catch (IOException e) {
            // It is full.
        }
    }
}
