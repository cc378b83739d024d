package io.plumbline.node.cli.serve;

import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorStore;
import io.plumbline.node.cli.model.ModelCalibration;
import io.plumbline.node.cli.role.TensorOptions;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Bounds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Models that an operator names, made ready to be served: imported once, and ONNX models calibrated once. */
public final class ServableModels {
    private static final String HOW = " Or name real requests with --inputs FILE.";

    private final Path store = TensorPackage.store();
    private final TensorOptions options;
    private final List<Path> inputs;
    private final WeightBits weights;

    /**
     * @param options how ONNX models are run: their precision is what they are calibrated in.
     * @param inputs files of real requests that an ONNX model is calibrated with; may be none.
     * @param weights of language models that are imported; null for the usual ones.
     */
    public ServableModels(TensorOptions options, List<Path> inputs, WeightBits weights) {
        this.options = options;
        this.inputs = inputs;
        this.weights = weights;
    }

    /** The name that clients know a model by, where its operator does not say. */
    public static String name(Path model) throws IOException {
        return TensorStore.takes(model) ? TensorStore.name(model) : ModelStore.name(model);
    }

    /**
     * The folder of a model that can be served.
     *
     * @param model a checkpoint, an ONNX file, or an imported model's folder.
     * @throws IOException where it is none that can be served.
     */
    public Path find(Path model) throws IOException {
        if (!TensorStore.takes(model)) {
            return findLanguage(model);
        }
        TensorPackage found;
        try (LateBar bar = new LateBar("import")) {
            found = new TensorStore(store).find(model, bar);
        }
        calibrate(found);
        return found.folder();
    }

    private Path findLanguage(Path model) throws IOException {
        if (weights != null && ModelStore.isImported(model)) {
            throw new IOException(model + " is imported already. Name the checkpoint that it was made of, to have it"
                    + " with other --weights, or leave them out.");
        }
        List<String> notes = new ArrayList<>();
        Path found;
        try (LateBar bar = new LateBar("import")) {
            found = new ModelStore(store, weights == null ? WeightBits.INT8 : weights).find(model, bar, notes::add);
        }
        notes.forEach(note -> Terminal.print("import    " + note));
        return found;
    }

    private void calibrate(TensorPackage model) throws IOException {
        Precision precision = options.precision(model);
        String again = "./plumbline model calibrate " + model.folder() + " --inputs FILE";
        Bounds bounds = model.bounds();
        if (bounds != null && bounds.outputs().containsKey(precision)) {
            if (!inputs.isEmpty()) {
                Terminal.print("bounds    are there already, and --inputs is not read. Make others: " + again);
            }
            return;
        }
        List<List<Tensor>> real = real(model.manifest());
        ShapeRanges declared = options.shapes(model);
        ShapeRanges sizes = declared.completed(model.manifest(), real);
        String missing = sizes.missing(model.manifest(), ModelCalibration.NEEDS_SIZES);
        if (missing != null) {
            throw new IOException(missing + HOW);
        }
        ModelCalibration.USUAL.run(model, precision, sizes, real);
        if (!declared.byName().isEmpty()) {
            model.keep(declared);
        }
        if (real.isEmpty()) {
            Terminal.print("bounds    by random inputs, which suits data near 1; by real ones: " + again);
        }
    }

    /** The requests that are for this model, by the names of their inputs. */
    private List<List<Tensor>> real(TensorManifest manifest) throws IOException {
        Set<String> names = manifest.inputs().stream().map(TensorSpec::name).collect(Collectors.toSet());
        List<List<Tensor>> real = new ArrayList<>();
        for (Path file : inputs) {
            List<Tensor> tensors = TensorJson.read(file);
            if (tensors.stream().map(Tensor::name).collect(Collectors.toSet()).equals(names)) {
                real.add(tensors);
            }
        }
        return real;
    }
}
