package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model's files are those in its folder, whatever its other files name. */
class ModelFolderTest {
    @TempDir
    Path root;

    private Path home;
    private ModelFolder folder;

    @BeforeEach
    void make() throws IOException {
        home = Files.createDirectories(root.resolve("model"));
        folder = new ModelFolder(home);
        Files.writeString(root.resolve("secret"), "secret");
        Files.writeString(home.resolve("weights"), "weights");
    }

    private String refused(String name) {
        String message = assertThrows(IOException.class, () -> folder.source(name, "the index"))
                .getMessage();
        assertTrue(message.endsWith("Nothing was loaded."), message);
        assertFalse(message.contains("\n"), message);
        return message;
    }

    @Test
    void aFileInTheFolderOrBelowItIsTaken() throws IOException {
        Files.createDirectories(home.resolve("onnx"));
        Files.writeString(home.resolve("onnx/data"), "data");
        assertEquals(home.resolve("weights"), folder.source("weights", "the index"));
        assertEquals(home.resolve("onnx/data"), folder.source("onnx/data", "the index"));
        assertEquals(home.resolve("./weights"), folder.source("./weights", "the index"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"../secret", "onnx/../../secret", "..", ".", "", "/etc/hostname", "weights/../../secret"})
    void aNameThatLeadsOutOfTheFolderIsRefused(String name) {
        String message = refused(name);
        assertTrue(message.startsWith("the index names the file \"" + name + "\", which is not in " + home), message);
    }

    @Test
    void aNameThatNoFileCanHaveIsCalledDamage() {
        String message = refused("a\0b");
        assertTrue(message.startsWith("the index names the file \"a?b\", which no file can be called"), message);
    }

    @Test
    void aLinkOutOfTheFolderIsRefusedAndOneWithinIsTaken() throws IOException {
        Files.createSymbolicLink(home.resolve("out"), root.resolve("secret"));
        Files.createSymbolicLink(home.resolve("up"), root);
        Files.createSymbolicLink(home.resolve("nowhere"), root.resolve("none"));
        Files.createSymbolicLink(home.resolve("loop"), home.resolve("loop"));
        Files.createSymbolicLink(home.resolve("within"), Path.of("weights"));
        assertTrue(refused("out").contains("is a link to " + root.resolve("secret")));
        assertTrue(refused("up/secret").contains("which is not in the model's folder"));
        assertTrue(refused("nowhere").contains("a link to a file that does not exist"));
        refused("loop");
        assertTrue(folder.has("nowhere"), "what is there is not passed over");
        assertEquals(home.resolve("within"), folder.source("within", "the index"));
    }

    @Test
    void aFolderThatIsItselfALinkIsTaken() throws IOException {
        Files.createSymbolicLink(root.resolve("link"), home);
        Path file = new ModelFolder(root.resolve("link")).source("weights", "the index");
        assertEquals("weights", Files.readString(file));
    }

    @Test
    void aHardLinkIsNoSourceOfAnotherModel() throws IOException {
        Files.createLink(home.resolve("hard"), root.resolve("secret"));
        assertTrue(refused("hard").contains("is a hard link: the same file has 2 names"));
        folder.file("hard", "the manifest");
    }

    @Test
    void whatIsNoPlainFileIsRefused() throws IOException {
        Files.createDirectories(home.resolve("folder"));
        assertTrue(refused("folder").contains("is no plain file"));
        assertTrue(refused("missing").contains("does not exist, though the index names it"));
    }

    @Test
    void theHuggingFaceCacheKeepsADownloadsFilesBesideItsSnapshots() throws IOException {
        Path download = root.resolve("hub/models--a--b");
        Path snapshot = Files.createDirectories(download.resolve("snapshots/0123/onnx"));
        Files.createDirectories(download.resolve("blobs"));
        Files.writeString(download.resolve("blobs/cafe"), "blob");
        Files.createSymbolicLink(snapshot.resolve("model.onnx"), Path.of("../../../blobs/cafe"));
        Files.createSymbolicLink(snapshot.getParent().resolve("config.json"), Path.of("../../blobs/cafe"));
        Path config = new ModelFolder(snapshot.getParent()).source("config.json", "the index");
        assertEquals("blob", Files.readString(config));
        new ModelFolder(snapshot).source("model.onnx", "the index");
        // Out of the download, by way of its blobs or of another's.
        Files.createSymbolicLink(download.resolve("blobs/out"), root.resolve("secret"));
        Files.createSymbolicLink(snapshot.resolve("out"), Path.of("../../../blobs/out"));
        Path other = Files.createDirectories(root.resolve("hub/models--c--d/blobs"));
        Files.writeString(other.resolve("beef"), "other");
        Files.createSymbolicLink(snapshot.resolve("other"), other.resolve("beef"));
        for (String name : new String[] {"out", "other"}) {
            assertThrows(IOException.class, () -> new ModelFolder(snapshot).source(name, "the index"));
        }
    }

    @Test
    void aFileTooLargeForItsKindIsNotRead() throws IOException {
        Path file = folder.file("weights", "the index");
        assertEquals(7, ModelFolder.bytes(file, 7).length);
        String message = assertThrows(IOException.class, () -> ModelFolder.bytes(file, 6))
                .getMessage();
        assertTrue(message.startsWith(file + " has 7 bytes; no model has more than 6"), message);
    }
}
