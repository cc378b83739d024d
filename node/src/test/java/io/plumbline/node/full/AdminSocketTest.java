package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AdminSocketTest {
    /** A socket's path has 100 characters or so: a temporary folder of its own may be too deep. */
    @Test
    void itIsItsOwnersFromTheFirstMomentAndAfterAnEndThatLeftSomethingBehind() throws IOException {
        Path folder = Files.createTempDirectory("admin");
        try {
            Files.createDirectories(folder.resolve(".socket/left"));
            for (int start = 0; start < 2; start++) {
                try (AdminSocket _ = new AdminSocket(folder, line -> "heard " + line, error -> {})) {
                    Path socket;
                    try (Stream<Path> files = Files.list(folder)) {
                        socket = files.findFirst().orElseThrow();
                    }
                    assertFalse(Files.isDirectory(socket), socket.toString());
                    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
                    assertEquals("heard it", AdminSocket.ask(folder, "it"));
                }
            }
            assertTrue(Files.isDirectory(folder));
        } finally {
            Directories.delete(folder);
        }
    }
}
