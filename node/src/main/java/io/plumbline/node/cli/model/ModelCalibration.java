package io.plumbline.node.cli.model;

import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.OnnxRuntimeBackend;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import me.tongfei.progressbar.ProgressBar;

/**
 * Calibrates an ONNX model on this host, with a bar, and keeps its bounds with it.
 *
 * @param random how many random inputs, and how many near each real one.
 * @param seed of the random inputs.
 * @param safety what the widest deviation is multiplied with.
 * @param device the GPU whose runs are compared too, where there is one: its id, PCI bus id or index; any other
 *     word for the first.
 */
public record ModelCalibration(int random, long seed, double safety, String device) {
    /** Where nothing else is asked for. */
    public static final ModelCalibration USUAL = new ModelCalibration(24, 1, Calibration.SAFETY, "");

    /** The name of what asks for sizes, as {@link ShapeRanges#missing} takes it. */
    public static final String NEEDS_SIZES = "Bounds hold for sizes like those that they were made with";

    /**
     * Bounds of one precision, beside those that the model has of others.
     *
     * @param sizes of every dimension that requests choose, but the batch.
     * @param real inputs, may be none.
     */
    public Bounds run(TensorPackage model, Precision precision, ShapeRanges sizes, List<List<Tensor>> real)
            throws IOException {
        List<Variants.Variant> engines = new ArrayList<>(Variants.honest(model, precision));
        List<Variants.Variant> others = engines(model, precision, sizes);
        engines.addAll(others);
        Calibration.Plan plan = new Calibration.Plan(real, random, seed, others);
        Bounds bounds;
        try (ProgressBar bar = Terminal.progress("calibrate " + precision)) {
            bounds = Calibration.run(model, precision, sizes, plan, safety, share -> bar.stepTo((long) (share * 100)));
        }
        model.keep(bounds);
        Terminal.print("compared " + precision + ": "
                + String.join("; ", engines.stream().map(Variants.Variant::name).toList()));
        return bounds;
    }

    /** Engines of this host beyond ONNX Runtime: a GPU's own runs are what bounds are best made of. */
    private List<Variants.Variant> engines(TensorPackage model, Precision precision, ShapeRanges sizes) {
        List<Variants.Variant> engines = new ArrayList<>();
        for (TensorBackend one : TensorBackend.all()) {
            TensorBackend backend = one.onDevice(device);
            if (backend.name().equals(OnnxRuntimeBackend.NAME)) {
                continue;
            }
            String why = backend.absence();
            if (why == null && !backend.precisions().contains(precision)) {
                why = "it does not compute in " + precision;
            }
            if (why == null) {
                // Built here and not in the midst of a calibration: what it does not take is no reason to have none.
                try (ProgressBar bar = Terminal.progress(backend.name() + " " + precision)) {
                    LoadedTensorModel loaded =
                            backend.load(model, precision, sizes, 1, share -> bar.stepTo((long) (share * 100)));
                    engines.add(new Variants.Variant(loaded.fingerprint().toString(), () -> loaded));
                } catch (IOException | IllegalArgumentException e) {
                    why = e.getMessage();
                }
            }
            if (why != null) {
                Terminal.print("not compared with " + backend.name() + ": " + why);
            }
        }
        return engines;
    }
}
