package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.BoundsMaker;
import io.plumbline.verifier.tolerant.HonestRuns;
import io.plumbline.verifier.tolerant.InputRange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/** Finds out how far honest runs of a model lie apart, and makes the bounds its answers are held to. */
public final class Calibration {
    /**
     * What the widest deviation is multiplied with where nobody says: see docs/tolerant.md for what it costs and
     * brings.
     */
    public static final double SAFETY = 2;

    /** Sizes that random inputs have in turn, of those declared. */
    private static final List<ToLongFunction<ShapeRanges.Range>> SIZES =
            List.of(ShapeRanges.Range::usual, ShapeRanges.Range::most, ShapeRanges.Range::least);

    private Calibration() {}

    /**
     * What to calibrate with.
     *
     * @param real inputs, may be none.
     * @param random how many random inputs, and how many near each real one.
     * @param seed of both.
     * @param others engines beyond those that {@link Variants} makes, such as a GPU's.
     */
    public record Plan(List<List<Tensor>> real, int random, long seed, List<Variants.Variant> others) {}

    /**
     * Bounds of one precision, beside those of others that the model has already.
     *
     * @param progress told the share that is done, 0 to 1.
     * @throws IOException where no input could be run, saying what to give.
     */
    public static Bounds run(
            TensorPackage model,
            Precision precision,
            ShapeRanges shapes,
            Plan plan,
            double safety,
            DoubleConsumer progress)
            throws IOException {
        List<Variants.Variant> variants = new ArrayList<>(Variants.honest(model, precision));
        variants.addAll(plan.others());
        List<String> outputs = model.manifest().outputNames();
        BoundsMaker maker = new BoundsMaker(precision);
        List<List<Tensor>> inputs;
        List<HonestRuns> judged = new ArrayList<>();
        try (AuditRuns auditor = AuditRuns.open(model, List.of(precision))) {
            List<List<Tensor>> tried = inputs(model.manifest(), shapes, plan);
            inputs = usable(model.manifest(), auditor, precision, tried, judged, outputs);
        }
        inputs.forEach(maker::addInputs);
        int done = 0;
        for (Variants.Variant variant : variants) {
            try (LoadedTensorModel honest = variant.open()) {
                for (int i = 0; i < inputs.size(); i++) {
                    try {
                        maker.add(judged.get(i), honest.run(inputs.get(i), outputs, new Stop()));
                    } catch (IllegalArgumentException e) {
                        throw new IOException(
                                "An honest engine (" + variant.name() + ") cannot be compared: " + e.getMessage(), e);
                    }
                    progress.accept((double) ++done / (variants.size() * inputs.size()));
                }
            }
        }
        Bounds before = readable(model);
        SortedMap<Precision, Integer> runs = new TreeMap<>();
        SortedMap<Precision, SortedMap<String, io.plumbline.verifier.tolerant.OutputBounds>> byPrecision =
                new TreeMap<>();
        SortedMap<String, InputRange> ranges = new TreeMap<>();
        if (before != null && before.safety() == safety) {
            ranges.putAll(before.inputs());
            runs.putAll(before.runs());
            byPrecision.putAll(before.outputs());
        }
        runs.put(precision, maker.runs());
        byPrecision.put(precision, maker.bounds(safety, integer(model)));
        return new Bounds(model.manifest().id(), safety, runs, maker.inputs(ranges), byPrecision);
    }

    /** The bounds that are there; null where there are none that this version reads: they are made anew. */
    private static Bounds readable(TensorPackage model) {
        try {
            return model.bounds();
        } catch (IOException e) {
            return null;
        }
    }

    /** Inputs to compare engines on: the real ones, others near them, and random ones. */
    public static List<List<Tensor>> inputs(TensorManifest manifest, ShapeRanges declared, Plan plan) {
        Random random = new Random(plan.seed());
        // Random inputs are of sizes that occur: what engines differ by grows with what they sum.
        ShapeRanges shapes = declared.completed(manifest, plan.real());
        List<List<Tensor>> inputs = new ArrayList<>();
        for (List<Tensor> real : plan.real()) {
            manifest.checkInputs(real);
            inputs.add(real);
            for (int i = 0; i < plan.random(); i++) {
                inputs.add(RandomInputs.near(real, random));
            }
        }
        for (int i = 0; i < plan.random(); i++) {
            int rows = manifest.batchDimension() == null ? 1 : 1 + i % 3;
            inputs.add(random(manifest, shapes, SIZES.get(i % SIZES.size()), rows, random));
        }
        return inputs;
    }

    /** Random inputs of these sizes, or of the usual ones where those make more than a request. */
    private static List<Tensor> random(
            TensorManifest manifest,
            ShapeRanges shapes,
            ToLongFunction<ShapeRanges.Range> size,
            int rows,
            Random random) {
        try {
            return RandomInputs.of(manifest, shapes, size, rows, random);
        } catch (IllegalArgumentException e) {
            return RandomInputs.of(manifest, shapes, 1, random);
        }
    }

    /** Those inputs that the model can be run on, with what an auditor computes. Random ones may be none it takes. */
    private static List<List<Tensor>> usable(
            TensorManifest manifest,
            AuditRuns auditor,
            Precision precision,
            List<List<Tensor>> inputs,
            List<HonestRuns> judged,
            List<String> outputs)
            throws IOException {
        List<List<Tensor>> usable = new ArrayList<>();
        IllegalArgumentException why = null;
        for (List<Tensor> input : inputs) {
            try {
                HonestRuns runs = auditor.run(precision, input, outputs, new Stop());
                requireDeclared(manifest, input, runs.reference());
                judged.add(runs);
                usable.add(input);
            } catch (IllegalArgumentException e) {
                why = e;
            }
        }
        if (usable.isEmpty()) {
            throw new IOException(
                    "The model cannot be run on random inputs"
                            + (why == null ? "" : " (" + why.getMessage() + ")")
                            + ". Name real ones with --inputs FILE, or the sizes of its dimensions with --shape NAME=SIZE.",
                    why);
        }
        return usable;
    }

    /**
     * Receipts are checked by the shapes that a model declares: one that gives others would make liars of its nodes.
     */
    private static void requireDeclared(TensorManifest manifest, List<Tensor> input, List<Tensor> given)
            throws IOException {
        for (Tensor output : given) {
            String mismatch = manifest.mismatch(output, input);
            if (mismatch != null) {
                throw new IOException("The model does not give what it declares: " + mismatch
                        + ". Export it with the shapes that it has, or with names of their own for sizes that differ.");
            }
        }
    }

    /**
     * Outputs that are integers of a model that computes in integers: held to the last bit where all honest runs
     * agreed.
     */
    private static Set<String> integer(TensorPackage model) {
        return model.precision() != Precision.INT8
                ? Set.of()
                : model.manifest().outputs().stream()
                        .filter(output -> !output.type().isFloat() && output.type() != ElementType.BYTES)
                        .map(TensorSpec::name)
                        .collect(Collectors.toSet());
    }
}
