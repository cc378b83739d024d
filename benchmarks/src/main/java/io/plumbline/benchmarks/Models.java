package io.plumbline.benchmarks;

import io.plumbline.inference.language.gguf.GgufExport;
import io.plumbline.inference.language.gguf.GgufType;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.DoubleConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/**
 * Models of random weights to measure speed on: one checkpoint, in our formats and as GGUF Q8_0 and Q4_0. Made once
 * into a cache folder.
 *
 * @param folder holds {@code source}, {@code imported} and {@code model.gguf}; of four bits {@code imported-int4} and
 *     {@code model-q4_0.gguf}.
 */
record Models(Path folder) {
    private static final long SEED = 1;

    /** Sizes by name. */
    enum Size {
        /** To try a benchmark itself. */
        M1("1m", llama(128, 2, 4, 2, 32, 256, 1024, 512, "I8", false)),
        /** As SmolLM-135M. */
        M150("150m", llama(576, 30, 9, 3, 64, 1536, 49_152, 2048, "BF16", true)),
        /** As TinyLlama. */
        B1("1.1b", llama(2048, 22, 32, 4, 64, 5632, 32_000, 2048, "BF16", false)),
        /** A mixture of 64 experts, 8 a token: 2.5 billion weights, of which a token takes 0.4. */
        MOE(
                "2.5b-a0.4b",
                new RandomModel.Shape(
                        "Qwen3MoeForCausalLM", 1024, 16, 16, 4, 64, 768, 32_000, 2048, "BF16", false, 0, 1)),
        /** Linear attention in three of four layers, as wide as Qwen3.5's. */
        DELTA(
                "0.6b-delta",
                new RandomModel.Shape(
                        "Qwen3_5ForCausalLM", 1024, 24, 8, 2, 256, 3584, 32_000, 2048, "BF16", true, 0, 1)),
        /** As Llama 3.1 8B. Its checkpoint is int8 already: it is for GPUs, and no peer reads it. */
        B8("8b", llama(4096, 32, 32, 8, 128, 14_336, 128_256, 8192, "I8", false)),
        /** Eight layers of it: made, measured and compared within minutes. */
        B8_QUICK("8b-quick", llama(4096, 8, 32, 8, 128, 14_336, 128_256, 8192, "I8", false)),
        /** Two layers of Llama 3.1 8B and 70B: every layer costs an audit the same. */
        B8_PAIR("8b-pair", llama(4096, 2, 32, 8, 128, 14_336, 128_256, 32_768, "I8", false)),
        B70_PAIR("70b-pair", llama(8192, 2, 64, 8, 128, 28_672, 128_256, 32_768, "I8", false));

        private final String label;
        private final RandomModel.Shape shape;

        Size(String label, RandomModel.Shape shape) {
            this.label = label;
            this.shape = shape;
        }

        static Size of(String label) throws IOException {
            for (Size size : values()) {
                if (size.label.equals(label)) {
                    return size;
                }
            }
            throw new IOException("There is no model size \"" + label
                    + "\"; 1m, 150m, 1.1b, 2.5b-a0.4b, 0.6b-delta, 8b and" + " 8b-quick are.");
        }

        String label() {
            return label;
        }
    }

    private static RandomModel.Shape llama(
            int hidden,
            int layers,
            int heads,
            int kvHeads,
            int size,
            int mlp,
            int vocab,
            int context,
            String type,
            boolean tied) {
        return new RandomModel.Shape(
                "LlamaForCausalLM", hidden, layers, heads, kvHeads, size, mlp, vocab, context, type, tied, 0, 1);
    }

    /** Makes what is not there yet. */
    static Models prepare(Path cache, Size size) throws IOException {
        Models models = new Models(cache.resolve("random-" + size.label()));
        Files.createDirectories(models.folder());
        if (!Files.exists(models.source())) {
            Path partial = models.folder().resolve("source.partial");
            Directories.delete(partial);
            shown("weights " + size.label(), progress -> RandomModel.write(size.shape, SEED, partial, progress));
            Files.move(partial, models.source());
        }
        if (!Files.exists(models.imported())) {
            shown("import " + size.label(), progress -> ModelImport.run(models.source(), models.imported(), progress));
        }
        return models;
    }

    /** The same checkpoint with weights of four bits, made if it is not there yet. */
    Path importedInt4() throws IOException {
        Path imported = folder.resolve("imported-int4");
        if (!Files.exists(imported)) {
            shown(
                    "import int4",
                    progress -> ModelImport.run(source(), imported, WeightBits.INT4, progress, note -> {}));
        }
        return imported;
    }

    /** The same checkpoint as a peer reads it, made if it is not there yet. */
    Path gguf(WeightBits bits) throws IOException {
        boolean isInt4 = bits == WeightBits.INT4;
        Path gguf = folder.resolve(isInt4 ? "model-q4_0.gguf" : "model.gguf");
        if (!Files.exists(gguf)) {
            Path partial = folder.resolve("model.gguf.partial");
            GgufType type = isInt4 ? GgufType.Q4_0 : GgufType.Q8_0;
            try (SafetensorsCheckpoint source = SafetensorsCheckpoint.open(source())) {
                shown("gguf", progress -> GgufExport.run(source, type, partial, progress));
            }
            Files.move(partial, gguf);
        }
        return gguf;
    }

    private interface Work {
        void run(DoubleConsumer progress) throws IOException;
    }

    private static void shown(String what, Work work) throws IOException {
        try (ProgressBar bar =
                new ProgressBarBuilder().setTaskName(what).setInitialMax(100).build()) {
            work.run(share -> bar.stepTo((long) (share * 100)));
        }
    }

    Path source() {
        return folder.resolve("source");
    }

    Path imported() {
        return folder.resolve("imported");
    }
}
