package io.plumbline.verifier.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExtractedLibrariesTest {
    private static final String RESOURCE = "/org/junit/jupiter/api/Test.class";

    @Test
    void copiesAreThereForTheLoaderAndGoneAfterIt() throws Exception {
        Path[] seen = new Path[1];
        assertTrue(ExtractedLibraries.load(Test.class, List.of(RESOURCE), folder -> {
            seen[0] = folder;
            assertTrue(Files.size(folder.resolve("Test.class")) > 0);
        }));
        assertFalse(Files.exists(seen[0]));
    }

    @Test
    void theyAreGoneToWhereTheyCannotBeLoaded() {
        Path[] seen = new Path[1];
        assertEquals(
                "no such symbol",
                assertThrows(
                                IOException.class,
                                () -> ExtractedLibraries.load(Test.class, List.of(RESOURCE), folder -> {
                                    seen[0] = folder;
                                    throw new IOException("no such symbol");
                                }))
                        .getMessage());
        assertFalse(Files.exists(seen[0]));
    }

    @Test
    void nothingIsLoadedWhereOneIsMissing() throws Exception {
        assertFalse(ExtractedLibraries.load(Test.class, List.of(RESOURCE, "/not/there.so"), folder -> {
            throw new IOException("It was called.");
        }));
    }
}
