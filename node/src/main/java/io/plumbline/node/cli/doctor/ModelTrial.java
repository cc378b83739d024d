package io.plumbline.node.cli.doctor;

import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Tokens of a model, computed by the fastest form and by the specification: tokens and trace roots are the same. */
final class ModelTrial {
    private static final int TOKENS = 8;

    private ModelTrial() {}

    /** @param model imported; null for the one that ships. */
    static Finding run(Path model) throws IOException {
        if (model != null) {
            return tokens(model);
        }
        Path folder = Files.createTempDirectory("plumbline-doctor-");
        try {
            ModelImport.run(CommandOptions.shippedModel(), folder.resolve("model"), share -> {});
            return tokens(folder.resolve("model"));
        } finally {
            Directories.discard(folder);
        }
    }

    private static Finding tokens(Path folder) throws IOException {
        try (LoadedModel model = LoadedModel.open(folder)) {
            long begin = System.nanoTime();
            Generator.Result fast = generated(model, Backend.best());
            double ms = (System.nanoTime() - begin) / 1e6;
            Generator.Result right = generated(model, Backend.SCALAR);
            boolean isRight =
                    Arrays.equals(fast.tokens(), right.tokens()) && Arrays.equals(fast.traceRoot(), right.traceRoot());
            String what = folder.getFileName() + ", " + TOKENS + " tokens";
            return isRight
                    ? Finding.ok(
                            "model",
                            what
                                    + String.format(
                                            Locale.ROOT,
                                            " as the specification has them, in %.0f ms with %s",
                                            ms,
                                            Backend.best().name()))
                    : Finding.unfit(
                            "model",
                            what + " that are not the specification's",
                            "report it with the processor's name; do not sign receipts on this host");
        }
    }

    private static Generator.Result generated(LoadedModel model, Backend form) throws IOException {
        Request request = new Request(
                model.id(),
                "",
                0,
                new int[] {0},
                Sampling.GREEDY,
                TOKENS,
                new int[0],
                List.of(),
                Bytes32.ZERO,
                new byte[16]);
        return new Generator(new ForwardPass(model, model.layers(), form, new Workers(1)), Bytes32.ZERO)
                .generate(request, token -> {});
    }
}
