package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.model.ModelImport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node computes with where no device is on its class path, as here. */
class ComputeTest {
    @TempDir
    Path folder;

    @Test
    void processorsTakeOverAndSayWhyUnlessAGpuWasAskedFor() throws IOException {
        Path imported = folder.resolve("model");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), imported, share -> {});
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        Events events = new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
        try (LoadedModel model = LoadedModel.open(imported)) {
            IOException e = assertThrows(
                    IOException.class,
                    () -> new Compute(model, model.layers(), new Compute.Choice("gpu", 1, 0), events));
            assertTrue(e.getMessage().contains("--device cpu"), e.getMessage());
            try (Compute compute = new Compute(model, model.layers(), new Compute.Choice("auto", 1, 3 << 20), events)) {
                assertEquals(3 << 20, compute.limits().cacheBytes());
                compute.serving().close();
            }
        }
        String said = heard.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("no-gpu") && said.contains("computes") && said.contains("1 thread"), said);
    }
}
