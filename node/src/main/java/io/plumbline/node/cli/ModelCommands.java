package io.plumbline.node.cli;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model}: import and inspect models. */
@Parameters(commandNames = "model", commandDescription = "Import and inspect models.")
public final class ModelCommands extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander model) {
        model.addCommand(new Import());
        model.addCommand(new Info());
        model.addCommand(new Id());
        model.addCommand(new Verify());
        model.addCommand(new Key());
        model.addCommand(new CalibrateCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with the model: import, info, id, verify, key or calibrate.");
    }

    @Parameters(
            commandNames = "import",
            commandDescription =
                    "Turn a Hugging Face folder or a GGUF file into its exact form, or take in an ONNX file.")
    static final class Import extends CommandOptions implements Callable<Integer> {
        @Parameter(
                description =
                        "FROM TO: a Hugging Face folder (one file or shards), a GGUF file, or an ONNX file; a folder to make."
                                + " An ONNX file needs no TO: it goes to ~/.plumbline/models, or where PLUMBLINE_MODELS says")
        private List<Path> folders = new ArrayList<>();

        @Parameter(
                names = "--shape",
                description =
                        "ONNX files: NAME=SIZE or NAME=LEAST:USUAL:MOST of a dimension that requests choose; again for more")
        private List<String> shapes = new ArrayList<>();

        @Parameter(
                names = "--json",
                description = "print id, folder, inputs and outputs as one JSON object (ONNX files)")
        private boolean json;

        @Override
        public Integer call() throws IOException {
            boolean isOnnx = !folders.isEmpty() && folders.getFirst().toString().endsWith(".onnx");
            if (folders.size() != 2 && !(isOnnx && folders.size() == 1)) {
                throw new ParameterException(
                        "Name two: the folder or the GGUF or ONNX file to import from, and the folder to make.");
            }
            Path to = folders.size() < 2 ? null : folders.get(1);
            if (to != null && Files.exists(to)) {
                throw new IOException(to + " exists already. Name a folder that does not, or remove it.");
            }
            if (isOnnx) {
                onnx(to);
                return 0;
            }
            Manifest manifest;
            try (ProgressBar bar = Terminal.progress("import")) {
                manifest = ModelImport.run(folders.get(0), to, share -> bar.stepTo((long) (share * 100)));
            }
            Terminal.print(json ? "{\"id\":\"" + Blake3.hex(manifest.id()) + "\"}" : Blake3.hex(manifest.id()));
            return 0;
        }

        private void onnx(Path to) throws IOException {
            ShapeRanges ranges = ShapeRanges.parse(shapes);
            TensorPackage model;
            try (ProgressBar bar = Terminal.progress("import")) {
                model = TensorPackage.importModel(folders.getFirst(), to, share -> bar.stepTo((long) (share * 100)));
            }
            if (!shapes.isEmpty()) {
                try {
                    ranges.requireKnown(model.manifest());
                } catch (IllegalArgumentException e) {
                    throw new IOException(
                            e.getMessage() + " The model is imported, without declared sizes; declare them with"
                                    + " plumbline model calibrate --shape.",
                            e);
                }
                model.keep(ranges);
            }
            if (json) {
                Terminal.print(TensorDescription.json(model));
            } else {
                Terminal.print(Blake3.hex(model.manifest().id()));
                TensorDescription.print(model);
            }
        }
    }

    /** Commands on one imported model. */
    abstract static class OnImported extends CommandOptions implements Callable<Integer> {
        @Parameter(description = "DIR: imported model", required = true, converter = PathConverter.class)
        private Path folder;

        abstract void run(LoadedModel model) throws IOException;

        /** The same for an ONNX model. */
        abstract void run(TensorPackage model) throws IOException;

        @Override
        public Integer call() throws IOException {
            if (TensorPackage.isIn(folder)) {
                run(TensorPackage.open(folder));
                return 0;
            }
            try (LoadedModel model = LoadedModel.open(folder)) {
                run(model);
            }
            return 0;
        }
    }

    @Parameters(commandNames = "info", commandDescription = "Show an imported model's id and shape.")
    static final class Info extends OnImported {
        @Override
        void run(LoadedModel model) throws IOException {
            ModelConfig c = model.config();
            JsonNode config = HuggingFaceConfig.json(model.folder());
            Terminal.print("id       " + Blake3.hex(model.id()));
            Terminal.print("family   " + config.path("architectures").path(0).asText("unknown"));
            Terminal.print("shape    hidden " + c.hidden() + ", layers " + c.layers() + ", heads " + c.heads()
                    + ", kv heads " + c.kvHeads() + " of " + c.headDim() + ", mlp " + c.mlp() + ", vocabulary "
                    + c.vocab());
            int made = config.path("max_position_embeddings").asInt(c.maxPositions());
            Terminal.print("context  " + c.maxPositions() + " tokens"
                    + (made > c.maxPositions() ? " of the " + made + " that it was made for" : "")
                    + (c.rope().factor() == 1 ? "" : ", stretched as Llama 3"));
            try (ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
                Terminal.print("ends at  "
                        + Arrays.stream(model.stopTokens())
                                .mapToObj(token -> token + " " + tokenizer.name(token))
                                .collect(Collectors.joining(", ")));
                Terminal.print("chat     "
                        + (tokenizer.hasTemplate()
                                ? "by its own template"
                                        + (tokenizer.promptsDependOnTheDay() ? ", which asks for the day" : "")
                                : "no template: messages are joined, and continued"));
            }
            Terminal.print("details  " + (c.qkvBias() ? "qkv bias" : "no bias") + ", "
                    + (c.qkNorm() ? "qk-norm" : "no qk-norm") + ", rope theta "
                    + c.rope().theta());
            Terminal.print("weights  " + SpeedProbe.weightBytes(model) / 1_000_000 + " MB read for a token, "
                    + (model.embeddingBytes().byteSize() / 1_000_000) + " MB of embeddings");
            Terminal.print(
                    "here     " + Backend.all().stream().map(Backend::name).collect(Collectors.joining(", ")));
        }

        @Override
        void run(TensorPackage model) throws IOException {
            Terminal.print("id       " + Blake3.hex(model.manifest().id()));
            TensorDescription.print(model);
        }
    }

    @Parameters(commandNames = "id", commandDescription = "Print an imported model's id alone.")
    static final class Id extends OnImported {
        @Override
        void run(LoadedModel model) {
            Terminal.print(Blake3.hex(model.id()));
        }

        @Override
        void run(TensorPackage model) {
            Terminal.print(Blake3.hex(model.manifest().id()));
        }
    }

    @Parameters(commandNames = "verify", commandDescription = "Check every byte of an imported model against its id.")
    static final class Verify extends OnImported {
        @Override
        void run(LoadedModel model) throws IOException {
            try (ProgressBar bar = Terminal.progress("verify")) {
                model.verify(share -> bar.stepTo((long) (share * 100)));
            }
            Terminal.print("good     " + Blake3.hex(model.id()));
        }

        @Override
        void run(TensorPackage model) throws IOException {
            try (ProgressBar bar = Terminal.progress("verify")) {
                model.verify(share -> bar.stepTo((long) (share * 100)));
            }
            Terminal.print("good     " + Blake3.hex(model.manifest().id()));
        }
    }

    @Parameters(
            commandNames = "key",
            commandDescription = "Make the secret key that a full node audits with in place of the weights.")
    static final class Key extends CommandOptions implements Callable<Integer> {
        @Parameter(description = "DIR FILE: imported model; the key file to make")
        private List<Path> paths = new ArrayList<>();

        @Override
        public Integer call() throws IOException {
            if (paths.size() != 2) {
                throw new ParameterException("Name two: the imported model's folder, and the key file to make.");
            }
            boolean wasThere = Files.exists(paths.get(1));
            try (LoadedModel model = LoadedModel.open(paths.get(0))) {
                VerifierKey key;
                try (ProgressBar bar = Terminal.progress("verifier key")) {
                    key = model.verifierKey(paths.get(1), share -> bar.stepTo((long) (share * 100)));
                }
                Terminal.print((wasThere ? "good     " : "made     ") + paths.get(1) + ", " + key.bytes() / 1_000_000
                        + " MB of secrets in place of " + SpeedProbe.weightBytes(model) / 1_000_000
                        + " MB of weights; readable by you alone");
            }
            return 0;
        }
    }
}
