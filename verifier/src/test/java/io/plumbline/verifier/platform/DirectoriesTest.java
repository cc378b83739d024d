package io.plumbline.verifier.platform;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoriesTest {
    @TempDir
    Path root;

    @Test
    void aFolderThatIsJustBeingLeftIsDiscardedAllTheSame() throws Exception {
        Path folder = Files.createDirectory(root.resolve("left"));
        CountDownLatch begun = new CountDownLatch(1);
        Thread leaving = Thread.ofPlatform().start(() -> {
            long end = System.nanoTime() + 200_000_000;
            for (int i = 0; System.nanoTime() < end; i++) {
                try {
                    Files.createDirectories(folder);
                    Files.writeString(folder.resolve("file" + i), "");
                } catch (IOException e) {
                    // It was removed just now.
                }
                begun.countDown();
            }
        });
        begun.await();
        Directories.discard(folder);
        leaving.join();
        Directories.discard(folder);
        assertFalse(Files.exists(folder));
        // One that is not there is no error either.
        Directories.discard(folder);
        Directories.delete(folder);
    }
}
