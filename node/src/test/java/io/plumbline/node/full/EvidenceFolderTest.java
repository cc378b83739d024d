package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceFolderTest {
    @TempDir
    Path folder;

    @Test
    void theOldestGoesWhereNoMoreFits() throws IOException {
        EvidenceFolder kept = new EvidenceFolder(folder.resolve("evidence"), 1_000, null);
        for (int i = 0; i < 5; i++) {
            Path file = kept.keep(new Bytes32(0, 0, 0, i), new byte[300]);
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000 + i));
        }
        try (Stream<Path> files = Files.list(folder.resolve("evidence"))) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).sorted().toList();
            assertEquals(List.of(name(2), name(3), name(4)), names);
        }
        assertNull(kept.keep(new Bytes32(0, 0, 0, 9), new byte[1_001]));
        Path last = kept.keep(new Bytes32(0, 0, 0, 9), new byte[] {1, 2, 3});
        assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(last));
        assertTrue(Files.exists(folder.resolve("evidence").resolve(name(4))));
    }

    private static String name(int request) {
        return new Bytes32(0, 0, 0, request) + ".evidence";
    }
}
