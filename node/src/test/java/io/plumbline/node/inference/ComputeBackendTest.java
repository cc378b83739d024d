package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.network.Events;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node computes with where no device is on its class path, as here. */
class ComputeBackendTest {
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
                    () -> new ComputeBackend(model, model.layers(), new ComputeBackend.Choice("gpu", 1, 0, 0), events));
            assertTrue(e.getMessage().contains("--device cpu"), e.getMessage());
            try (ComputeBackend compute = new ComputeBackend(
                    model, model.layers(), new ComputeBackend.Choice("auto", 1, 3 << 20, 5), events)) {
                assertEquals(3 << 20, compute.limits().cacheBytes());
                assertEquals(5, compute.limits().drafts());
                compute.serving().close();
            }
        }
        String said = heard.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("no-gpu") && said.contains("computes") && said.contains("1 thread"), said);
    }
}
