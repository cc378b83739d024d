package io.plumbline.inference.language.importer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelStoreTest {
    @TempDir
    Path folder;

    @Test
    void aCheckpointIsImportedOnceAndAgainWhenItHasChanged() throws IOException {
        Path checkpoint = Files.createDirectory(folder.resolve("stories"));
        try (Stream<Path> files = Files.list(TestModels.SHIPPED)) {
            for (Path file : files.toList()) {
                Files.copy(file, checkpoint.resolve(file.getFileName()));
            }
        }
        ModelStore store = new ModelStore(folder.resolve("models"));
        AtomicInteger told = new AtomicInteger();
        Path first = store.find(checkpoint, share -> told.incrementAndGet(), note -> {});
        assertTrue(told.get() > 0 && ModelStore.isImported(first));
        assertTrue(first.getFileName().toString().startsWith("stories-"), first.toString());
        told.set(0);
        assertEquals(first, store.find(checkpoint, share -> told.incrementAndGet(), note -> {}));
        assertEquals(0, told.get(), "it is there");
        assertEquals(first, store.find(first, share -> {}, note -> {}), "an imported model is taken as it is");
        Files.setLastModifiedTime(checkpoint.resolve("config.json"), FileTime.fromMillis(1_000_000));
        assertNotEquals(first, store.find(checkpoint, share -> {}, note -> {}));
        String why = assertThrows(
                        IOException.class, () -> store.find(folder.resolve("nowhere"), share -> {}, note -> {}))
                .getMessage();
        assertTrue(why.contains("does not exist"), why);
        assertEquals(
                List.of("tiny", "tiny"),
                List.of(ModelStore.name(Path.of("tiny.gguf")), ModelStore.name(Path.of("/models/tiny/"))));
    }
}
