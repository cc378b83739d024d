package io.plumbline.inference.language.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A checkpoint or an imported model whose files name files that are not its own is refused, and leaves nothing. */
class ForeignFilesTest {
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    @TempDir
    Path root;

    /** A checkpoint whose weights are a shard that its index names. */
    private Path source;

    @BeforeEach
    void copy() throws IOException {
        source = Files.createDirectories(root.resolve("source"));
        for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
            Files.copy(TestModels.SHIPPED.resolve(name), source.resolve(name));
        }
        Files.copy(TestModels.SHIPPED.resolve(WEIGHTS), root.resolve("elsewhere.safetensors"));
    }

    private void index(String shard) throws IOException {
        Manifest manifest = ModelImport.run(TestModels.SHIPPED, root.resolve("names"), share -> {});
        Directories.delete(root.resolve("names"));
        ObjectNode json = new ObjectMapper().createObjectNode();
        ObjectNode map = json.putObject("weight_map");
        manifest.tensors().keySet().stream()
                .filter(name -> !name.endsWith("_scale") && !name.startsWith("lm_head"))
                .forEach(name -> map.put(name, shard));
        Files.writeString(source.resolve(INDEX), json.toString());
    }

    private String refused() throws IOException {
        String message = assertThrows(IOException.class, () -> ModelImport.run(source, root.resolve("to"), share -> {}))
                .getMessage();
        assertFalse(message.contains("\n"), message);
        assertTrue(message.startsWith(source.toString()), message);
        try (Stream<Path> left = Files.list(root)) {
            assertEquals(
                    List.of(root.resolve("elsewhere.safetensors"), source),
                    left.filter(path -> !path.endsWith("whole")).sorted().toList(),
                    "nothing half-done is left");
        }
        return message;
    }

    @Test
    void aShardInTheFolderIsTaken() throws IOException {
        Files.createDirectories(source.resolve("shards"));
        Files.copy(root.resolve("elsewhere.safetensors"), source.resolve("shards/one.safetensors"));
        index("shards/one.safetensors");
        Manifest sharded = ModelImport.run(source, root.resolve("to"), share -> {});
        Manifest whole = ModelImport.run(TestModels.SHIPPED, root.resolve("whole"), share -> {});
        assertEquals(whole.id(), sharded.id());
    }

    @Test
    void aShardThatLiesElsewhereIsNotRead() throws IOException {
        index("../elsewhere.safetensors");
        assertTrue(refused().contains("names the file \"../elsewhere.safetensors\", which is not in"));
        index(root.resolve("elsewhere.safetensors").toString());
        assertTrue(refused().contains("which is not in"));
        index("one.safetensors");
        Files.createSymbolicLink(source.resolve("one.safetensors"), root.resolve("elsewhere.safetensors"));
        assertTrue(refused().contains("one.safetensors is a link to"));
        Files.delete(source.resolve("one.safetensors"));
        Files.createLink(source.resolve("one.safetensors"), root.resolve("elsewhere.safetensors"));
        assertTrue(refused().contains("one.safetensors is a hard link"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.json",
                "generation_config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "chat_template.jinja",
                WEIGHTS,
                INDEX
            })
    void noFileOfACheckpointMayBeALinkOutOfIt(String name) throws IOException {
        Files.deleteIfExists(source.resolve(name));
        if (!name.equals(INDEX) && !name.equals(WEIGHTS)) {
            Files.copy(root.resolve("elsewhere.safetensors"), source.resolve(WEIGHTS));
        }
        Files.createSymbolicLink(source.resolve(name), root.resolve("elsewhere.safetensors"));
        assertTrue(refused().contains(name + " is a link to"), name);
        Files.delete(source.resolve(name));
        Files.createLink(source.resolve(name), root.resolve("elsewhere.safetensors"));
        assertTrue(refused().contains(name + " is a hard link"), name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{",
                "[]",
                "{\"weight_map\":[]}",
                "{\"weight_map\":{\"a\":{}}}",
                "{\"weight_map\":{\"a\":\"b\",\"a\":\"c\"}}",
                "{\"weight_map\":{\"a\":null}}"
            })
    void anIndexThatIsNoneIsRefused(String text) throws IOException {
        Files.writeString(source.resolve(INDEX), text);
        assertTrue(refused().contains(INDEX));
    }

    @Test
    void aFileNestedBeyondAllReasonIsRefused() throws IOException {
        String deep = "[".repeat(500_000);
        for (String name : List.of("config.json", INDEX)) {
            String before = Files.exists(source.resolve(name)) ? Files.readString(source.resolve(name)) : null;
            Files.writeString(source.resolve(name), "{\"a\":" + deep);
            refused();
            if (before != null) {
                Files.writeString(source.resolve(name), before);
            }
        }
    }

    @Test
    void anImportedModelIsReadFromItsOwnFolderAlone() throws IOException {
        Path whole = root.resolve("whole");
        ModelImport.run(TestModels.SHIPPED, whole, share -> {});
        Path manifest = whole.resolve(Manifest.FILE_NAME);
        String text = Files.readString(manifest);
        Files.writeString(manifest, text.replace("file tokenizer.json ", "file ../elsewhere.safetensors "));
        assertTrue(opened(whole).contains("names the file \"../elsewhere.safetensors\""));
        Files.writeString(manifest, text);
        for (String name : List.of(WEIGHTS, "tokenizer.json", "config.json", Manifest.FILE_NAME)) {
            Path kept = Files.move(whole.resolve(name), root.resolve("kept"));
            Files.createSymbolicLink(whole.resolve(name), kept);
            assertTrue(opened(whole).contains(name + " is a link to"), name);
            Files.delete(whole.resolve(name));
            Files.move(kept, whole.resolve(name));
        }
        LoadedModel.open(whole).close();
    }

    private static String opened(Path folder) {
        return assertThrows(IOException.class, () -> LoadedModel.open(folder)).getMessage();
    }
}
