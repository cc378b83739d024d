package io.plumbline.verifier.platform;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrivateFilesTest {
    @TempDir
    Path folder;

    private static String rights(Path of) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(of));
    }

    @Test
    void filesAndFoldersAreTheirOwnersAlone() throws IOException {
        Path inner = PrivateFiles.folder(folder.resolve("a/b"));
        assertEquals("rwx------", rights(inner));
        Path created = inner.resolve("created");
        PrivateFiles.create(created, new byte[] {1, 2});
        Path written = inner.resolve("written");
        PrivateFiles.write(written, new byte[] {3});
        PrivateFiles.write(written, new byte[] {4, 5});
        for (Path file : new Path[] {created, written}) {
            assertEquals("rw-------", rights(file));
            PrivateFiles.requireOwnerAlone(file);
        }
        assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(created));
        assertArrayEquals(new byte[] {4, 5}, Files.readAllBytes(written));
        try (Stream<Path> files = Files.list(inner)) {
            assertEquals(2, files.count(), "nothing is left beside them");
        }
    }

    @Test
    void whatIsThereIsNeitherOverwrittenNorClosedToOthers() throws IOException {
        Path file = folder.resolve("key");
        PrivateFiles.create(file, new byte[] {1});
        assertThrows(FileAlreadyExistsException.class, () -> PrivateFiles.create(file, new byte[] {2}));
        assertArrayEquals(new byte[] {1}, Files.readAllBytes(file));
        assertThrows(FileAlreadyExistsException.class, () -> PrivateFiles.folder(file));
        Path open = Files.createDirectory(folder.resolve("open"));
        String before = rights(open);
        PrivateFiles.folder(open);
        assertEquals(before, rights(open), "its owner has opened it");
    }

    @Test
    void aFileThatOthersMayUseIsRefused() throws IOException {
        Path file = folder.resolve("key");
        PrivateFiles.create(file, new byte[1]);
        for (String rights : new String[] {"rw-r-----", "rw--w----", "rw----r--"}) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
            IOException e = assertThrows(IOException.class, () -> PrivateFiles.requireOwnerAlone(file), rights);
            assertTrue(e.getMessage().contains("chmod 600"), e.getMessage());
        }
    }
}
