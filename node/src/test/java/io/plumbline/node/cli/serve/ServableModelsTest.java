package io.plumbline.node.cli.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.role.TensorOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that was never imported becomes a model that can be served, once. */
class ServableModelsTest {
    private static final Path MODELS = Path.of("../models");
    private static final Path SHAPES = MODELS.resolve("plumbline-shapes/shapes.onnx");
    private static final Path SENTENCES = MODELS.resolve("plumbline-sentences/model.onnx");
    private static final String STORE = "plumbline.models";

    @TempDir
    Path store;

    private String before;

    @BeforeEach
    void keepModelsHere() {
        before = System.setProperty(STORE, store.toString());
    }

    @AfterEach
    void keepThemWhereTheyWere() {
        if (before == null) {
            System.clearProperty(STORE);
        } else {
            System.setProperty(STORE, before);
        }
    }

    private static ServableModels models(List<Path> inputs, String... options) {
        TensorOptions tensors = new TensorOptions();
        JCommander.newBuilder().addObject(tensors).build().parse(options);
        return new ServableModels(tensors, inputs, null);
    }

    @Test
    void anOnnxFileIsImportedAndCalibratedTheFirstTimeAndFoundTheNext() throws IOException {
        Path first = models(List.of()).find(SHAPES);
        assertTrue(first.startsWith(store), first.toString());
        assertEquals("shapes", ServableModels.name(SHAPES));
        byte[] bounds = TensorPackage.open(first).requireBounds().hash();
        Object made = Files.getLastModifiedTime(first.resolve("plumbline.bounds"));
        assertEquals(List.of(), TensorPackage.open(first).shapes().texts());
        Path second = models(List.of()).find(SHAPES);
        assertEquals(first, second);
        assertArrayEquals(bounds, TensorPackage.open(second).requireBounds().hash());
        assertEquals(made, Files.getLastModifiedTime(second.resolve("plumbline.bounds")), "not made again");
    }

    @Test
    void sizesThatNobodyDeclaredAreAskedForInOneLineAndKeptOnceSaid() throws IOException {
        String why = assertThrows(IOException.class, () -> models(List.of()).find(SENTENCES))
                .getMessage();
        assertTrue(why.contains("--shape") && why.contains("--inputs FILE"), why);
        Path found = models(List.of(), "--shape", "sequence=4:8:16").find(SENTENCES);
        assertEquals(
                List.of("sequence=4:8:16"), TensorPackage.open(found).shapes().texts());
        // What was said once need not be said again.
        assertEquals(found, models(List.of()).find(SENTENCES));
    }

    @Test
    void realRequestsSayTheSizesThemselves() throws IOException {
        Path samples = MODELS.resolve("plumbline-sentences/samples.json");
        Path found = models(List.of(samples)).find(SENTENCES);
        assertNotNull(TensorPackage.open(found).bounds());
        // They are no requests of another model's, which is calibrated without them.
        assertNotNull(TensorPackage.open(models(List.of(samples)).find(SHAPES)).bounds());
    }
}
