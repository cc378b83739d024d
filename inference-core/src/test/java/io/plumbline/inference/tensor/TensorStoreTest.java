package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorStoreTest {
    private static final Path SHIPPED = Path.of("../models/plumbline-sentences");

    @TempDir
    Path folder;

    private int imports;

    private TensorPackage find(Path model) throws IOException {
        boolean[] isImported = {false};
        TensorPackage found = new TensorStore(folder.resolve("store")).find(model, share -> isImported[0] = true);
        imports += isImported[0] ? 1 : 0;
        return found;
    }

    @Test
    void aFileIsImportedOnceUntilItOrItsTokenizerChanges() throws IOException {
        Path model = Files.copy(SHIPPED.resolve("model.onnx"), folder.resolve("model.onnx"));
        Path tokenizer = Files.copy(SHIPPED.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        TensorPackage first = find(model);
        assertEquals(first.folder(), find(model).folder());
        assertEquals(1, imports);
        assertTrue(first.name().startsWith(folder.getFileName() + "-"), first.name());
        Files.setLastModifiedTime(tokenizer, FileTime.fromMillis(1_000_000));
        TensorPackage second = find(model);
        assertNotEquals(first.folder(), second.folder());
        assertEquals(2, imports);
        assertEquals(first.manifest().id(), second.manifest().id(), "it has the same bytes");
    }

    @Test
    void anImportedFolderIsTakenAsItIs() throws IOException {
        TensorPackage made =
                TensorPackage.importModel(SHIPPED.resolve("model.onnx"), folder.resolve("made"), share -> {});
        assertEquals(made.folder(), find(made.folder()).folder());
        assertEquals(0, imports);
        assertTrue(TensorStore.takes(made.folder()));
        assertFalse(TensorStore.takes(SHIPPED));
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        Path missing = folder.resolve("none.onnx");
        assertTrue(assertThrows(IOException.class, () -> find(missing))
                .getMessage()
                .contains("none.onnx"));
    }
}
