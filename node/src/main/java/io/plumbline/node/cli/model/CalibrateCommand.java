package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.Deviation;
import io.plumbline.verifier.tolerant.OutputBounds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.concurrent.Callable;

/** {@code plumbline model calibrate DIR}: how far honest answers of an ONNX model may lie apart. */
@Parameters(
        commandNames = "calibrate",
        commandDescription = "Find the bounds that an ONNX model's answers are held to, and show them.")
final class CalibrateCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "DIR: imported ONNX model", required = true, converter = PathConverter.class)
    private Path folder;

    @Parameter(
            names = "--precision",
            description = "fp32, tf32, fp16 or int8; again for more. As the model is written where none is named")
    private List<String> precisions = new ArrayList<>();

    @Parameter(
            names = "--inputs",
            description = "FILE: a real request in the JSON of the Open Inference Protocol; again for more")
    private List<Path> inputs = new ArrayList<>();

    @Parameter(
            names = "--shape",
            description = "NAME=SIZE or NAME=LEAST:USUAL:MOST of a dimension that requests choose; again for more. Kept"
                    + " with the model")
    private List<String> shapes = new ArrayList<>();

    @Parameter(names = "--random", description = "how many random inputs, and how many near each real one")
    private int random = ModelCalibration.USUAL.random();

    @Parameter(names = "--safety", description = "what the widest deviation is multiplied with")
    private double safety = Calibration.SAFETY;

    @Parameter(names = "--seed", description = "of the random inputs")
    private long seed = 1;

    @Parameter(
            names = "--device",
            description =
                    "the GPU whose runs are compared too: its UUID, PCI bus id or index; the first where none is named")
    private String device = "";

    @Parameter(names = "--show", description = "show the bounds that are there and change nothing")
    private boolean show;

    @Override
    public Integer call() throws IOException {
        TensorPackage model = TensorPackage.open(folder);
        if (show) {
            show(model.requireBounds());
            return 0;
        }
        if (random < 0 || safety < 1) {
            throw new IOException("--random is 0 or more, and --safety 1 or more.");
        }
        if (!device.isEmpty() && !Device.isName(device)) {
            throw new IOException("--device is a GPU's UUID, PCI bus id or index, not " + device + ".");
        }
        String warning = Accelerator.warning(device);
        if (warning != null) {
            Terminal.print("warning  " + warning);
        }
        List<List<Tensor>> real = new ArrayList<>();
        for (Path file : inputs) {
            real.add(TensorJson.read(file));
        }
        List<Precision> wanted = precisions.isEmpty()
                ? List.of(model.precision())
                : precisions.stream().map(Precision::parse).toList();
        ShapeRanges sizes = sizes(model, real);
        ModelCalibration calibration = new ModelCalibration(random, seed, safety, device);
        Bounds bounds = null;
        for (Precision precision : wanted) {
            bounds = calibration.run(model, precision, sizes, real);
        }
        show(bounds);
        return 0;
    }

    /** Sizes that random inputs have: those declared, or those of the real inputs. None is made up. */
    private ShapeRanges sizes(TensorPackage model, List<List<Tensor>> real) throws IOException {
        ShapeRanges said = ShapeRanges.parse(shapes);
        said.requireKnown(model.manifest());
        ShapeRanges declared = model.shapes().with(said);
        ShapeRanges sizes = declared.completed(model.manifest(), real);
        String missing = sizes.missing(model.manifest(), ModelCalibration.NEEDS_SIZES);
        if (missing != null) {
            throw new IOException(missing + " Or name real inputs with --inputs FILE. Nothing was calibrated.");
        }
        if (!shapes.isEmpty()) {
            model.keep(declared);
        }
        for (String name : declared.undeclared(model.manifest())) {
            Terminal.print("sizes    " + name + "=" + sizes.of(name) + ", as in the inputs named: nobody declared it");
        }
        return sizes;
    }

    private static void show(Bounds bounds) {
        Terminal.print("model    " + bounds.modelId());
        Terminal.print("bounds   " + Blake3.hex(bounds.hash()) + ", " + bounds.safety()
                + " times the widest deviation of honest runs");
        StringBuilder head = new StringBuilder();
        for (double quantile : Deviation.QUANTILES) {
            head.append(String.format(Locale.ROOT, "%9.0f%%", 100 * quantile));
        }
        bounds.inputs()
                .forEach((name, range) -> Terminal.print("input    " + name + " from " + range.from() + " to "
                        + range.to() + "; calibrated with " + range.least() + " to " + range.most()));
        Terminal.print("Differences in units of how far an auditor's runs of the same request lie apart"
                + " (int8: as they are):");
        Terminal.print("precision  output              runs" + head + "     order   of zero");
        for (Precision precision : bounds.outputs().keySet()) {
            SortedMap<String, OutputBounds> outputs = bounds.outputs().get(precision);
            outputs.forEach((name, output) -> Terminal.print(String.format(
                            Locale.ROOT,
                            "%-10s %-18s %5d",
                            precision,
                            name,
                            bounds.runs().get(precision))
                    + (output.exact() ? "  not a bit may differ" : numbers(output))));
        }
    }

    private static String numbers(OutputBounds output) {
        StringBuilder line = new StringBuilder();
        for (double value : output.numbers()) {
            line.append(String.format(Locale.ROOT, "%10.2g", value));
        }
        return line.toString();
    }
}
