package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layers that the GPU's kernels do not run are refused by name, before a device is touched. */
class UnsupportedLayersTest {
    @TempDir
    Path folder;

    private String refused(RandomModel.Shape shape) throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(shape, 7, source, share -> {});
        ModelImport.run(source, folder.resolve("model"), share -> {});
        try (LoadedModel model = LoadedModel.open(folder.resolve("model"))) {
            String message = assertThrows(
                            CudaException.class,
                            () -> new CudaAccelerator().load(0, model, model.layers(), share -> {}))
                    .getMessage();
            assertTrue(message.contains("--device cpu"), message);
            return message;
        }
    }

    @Test
    void linearAttentionIsRefusedByName() throws IOException {
        String message = refused(
                new RandomModel.Shape("Qwen3_5ForCausalLM", 64, 2, 4, 2, 16, 96, 320, 256, "BF16", false, 0, 1));
        assertTrue(message.contains("delta=2,6,16,16,4 attentionGate=true attention=DF"), message);
    }

    @Test
    void sharedCachesAndEmbeddingsOfLayersAreRefusedByName() throws IOException {
        String message = refused(new RandomModel.Shape(
                "Gemma4ForConditionalGeneration", 64, 4, 4, 2, 16, 96, 320, 256, "BF16", true, 0, 1));
        assertTrue(
                message.contains("localHeads=2x16 valueNorm=true sharedCaches=2 sharedMlp=192 perLayer=16"), message);
    }

    @Test
    void headsThatDoNotFitAreRefusedByName() throws IOException {
        String message =
                refused(new RandomModel.Shape("LlamaForCausalLM", 64, 1, 2, 1, 512, 96, 320, 256, "BF16", true, 0, 1));
        assertTrue(message.contains("Heads of 512 elements; the GPU's kernels take 256 at most"), message);
    }
}
