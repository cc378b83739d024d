package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model import}. */
@Parameters(
        commandNames = "import",
        commandDescription = "Turn a Hugging Face folder or a GGUF file into its exact form, or take in an ONNX file.")
final class ImportCommand extends CommandOptions implements Callable<Integer> {
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
            names = "--weights",
            description = "language models: int8, or int4 for half the memory and nearly twice the speed at some loss"
                    + " of quality, which docs/quality.md has")
    private WeightBits weights = WeightBits.INT8;

    @Parameter(names = "--json", description = "print id, folder, inputs and outputs as one JSON object (ONNX files)")
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
        List<String> notes = new ArrayList<>();
        try (ProgressBar bar = Terminal.progress("import")) {
            manifest =
                    ModelImport.run(folders.get(0), to, weights, share -> bar.stepTo((long) (share * 100)), notes::add);
        }
        // Beside the id, which scripts read.
        notes.forEach(note -> System.err.println(Terminal.printable(note)));
        Terminal.print(
                json ? "{\"id\":\"" + manifest.id() + "\"}" : manifest.id().toString());
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
            Terminal.print(model.manifest().id().toString());
            TensorDescription.print(model);
        }
    }
}
