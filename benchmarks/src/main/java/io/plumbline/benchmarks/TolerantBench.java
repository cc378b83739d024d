package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.model.Folders;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.BoundsMaker;
import io.plumbline.verifier.tolerant.Deviation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;

/**
 * Headline tolerant-accuracy: how many cheats on ONNX models are caught, and how many honest answers are not
 * believed, within calibrated bounds and within the fixed tolerance that others compare by.
 */
@Parameters(
        commandNames = "tolerant",
        commandDescription = "False rejects and misses of tolerant verification, beside a fixed tolerance.")
final class TolerantBench implements Callable<Integer> {
    /** ONNX's own backend tests compare so. */
    private static final double FIXED_RELATIVE = 1e-3;

    private static final double FIXED_ABSOLUTE = 1e-7;

    @Parameter(
            names = "--material",
            description =
                    "DIR: folders vision and silero-vad of test material, for more models; those that ship alone otherwise")
    private Path material;

    @Parameter(
            names = "--random",
            description = "random inputs, and inputs near each real one, that are calibrated with")
    private int random = 16;

    @Parameter(names = "--model", description = "only the model of this name")
    private String only = "";

    @Parameter(names = "--safety", description = "what the widest honest deviation is multiplied with")
    private double safety = Calibration.SAFETY;

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final ArrayNode table = new ObjectMapper().createArrayNode();
    private int honest;
    private int rejected;
    private int strangersNotBelieved;
    private int fixedRejected;
    private int caught;
    private int fixedCaught;
    private int tries;

    @Override
    public Integer call() throws IOException {
        Path folder = Files.createTempDirectory("plumbline-tolerant-");
        try {
            System.out.println(
                    "| model, declared as | honest answers | not believed: of engines calibrated with; of others; by the"
                            + " fixed tolerance | kinds of cheat always caught | missed, of tries (by the fixed tolerance) |");
            System.out.println("| --- | --- | --- | --- | --- |");
            for (Subject subject : new Subjects(folder, material).all()) {
                if (!only.isEmpty() && !only.equals(subject.name())) {
                    continue;
                }
                List<Precision> precisions = subject.model().precision() == Precision.FP32
                        ? List.of(Precision.FP32, Precision.TF32, Precision.FP16)
                        : List.of(subject.model().precision());
                for (Precision precision : precisions) {
                    measure(subject, precision);
                }
            }
        } finally {
            Folders.delete(folder);
        }
        ObjectNode details = new ObjectMapper()
                .createObjectNode()
                .put("honest answers", honest)
                .put("not believed", rejected)
                .put("not believed when of an engine never calibrated with", strangersNotBelieved)
                .put("not believed by the fixed tolerance", fixedRejected)
                .put("cheats", tries)
                .put("missed", tries - caught)
                .put("missed by the fixed tolerance", tries - fixedCaught)
                .put("safety", safety);
        details.set("models", table);
        new Headline(
                        "tolerant-accuracy",
                        new Sample(accuracy(strangersNotBelieved, caught)),
                        "% of answers judged rightly, as many honest as false",
                        false,
                        "a fixed tolerance, relative 1e-3 and absolute 1e-7, as ONNX's backend tests compare by",
                        new Sample(accuracy(fixedRejected, fixedCaught)),
                        null,
                        "./plumbline bench tolerant" + (material == null ? "" : " --material DIR"),
                        details)
                .write(results);
        return 0;
    }

    /** The mean of the shares of honest answers believed and of false ones caught, in percent. */
    private double accuracy(int notBelieved, int found) {
        return 50.0 * (honest - notBelieved) / honest + 50.0 * found / tries;
    }

    private Bounds bounds(Subject subject, Precision precision, List<List<Tensor>> real, Set<String> without)
            throws IOException {
        BoundsMaker maker = new BoundsMaker();
        List<List<Tensor>> inputs = Calibration.inputs(
                subject.model().manifest(), subject.shapes(), new Calibration.Plan(real, random, 1, List.of()));
        List<List<Tensor>> right = right(subject, inputs);
        for (Variants.Variant variant : Variants.honest(subject.model(), precision)) {
            if (!without.contains(variant.name())) {
                try (LoadedTensorModel loaded = variant.open()) {
                    List<List<Tensor>> answers = Cheat.run(loaded, subject, inputs);
                    for (int i = 0; i < inputs.size(); i++) {
                        maker.addInputs(inputs.get(i));
                        maker.add(right.get(i), answers.get(i));
                    }
                }
            }
        }
        TreeMap<Precision, Integer> runs = new TreeMap<>();
        runs.put(precision, maker.runs());
        SortedMap<Precision, SortedMap<String, io.plumbline.verifier.tolerant.OutputBounds>> outputs = new TreeMap<>();
        outputs.put(precision, maker.bounds(safety, Set.of()));
        return new Bounds(subject.model().manifest().id(), safety, runs, maker.inputs(new TreeMap<>()), outputs);
    }

    private static List<List<Tensor>> right(Subject subject, List<List<Tensor>> inputs) throws IOException {
        try (LoadedTensorModel reference = Variants.reference(subject.model())) {
            return Cheat.run(reference, subject, inputs);
        }
    }

    /** Calibrates with one half of the real inputs and tries the other half, with other random ones. */
    private void measure(Subject subject, Precision precision) throws IOException {
        int half = (subject.real().size() + 1) / 2;
        List<List<Tensor>> known = subject.real().subList(0, half);
        List<List<Tensor>> fresh = subject.real().size() == 1
                ? known
                : subject.real().subList(half, subject.real().size());
        List<List<Tensor>> inputs = Calibration.inputs(
                subject.model().manifest(), subject.shapes(), new Calibration.Plan(fresh, random, 77, List.of()));
        List<List<Tensor>> right = right(subject, inputs);
        Bounds bounds = bounds(subject, precision, known, Set.of());
        int tried = 0;
        int rejectedHere = 0;
        int strangersRejected = 0;
        int fixedRejectedHere = 0;
        ArrayNode reasons = new ObjectMapper().createArrayNode();
        ObjectNode strangers = new ObjectMapper().createObjectNode();
        for (Variants.Variant variant : Variants.honest(subject.model(), precision)) {
            // Bounds that have never seen this engine.
            Bounds without = bounds(subject, precision, known, Set.of(variant.name()));
            int before = strangersRejected;
            try (LoadedTensorModel loaded = variant.open()) {
                List<List<Tensor>> answers = Cheat.run(loaded, subject, inputs);
                for (int i = 0; i < inputs.size(); i++) {
                    tried++;
                    Bounds.Excess excess = bounds.exceeded(precision, right.get(i), answers.get(i));
                    if (excess != null) {
                        rejectedHere++;
                        reasons.add(variant.name() + ", " + excess.output() + ": " + excess.reason());
                    }
                    strangersRejected += without.exceeded(precision, right.get(i), answers.get(i)) == null ? 0 : 1;
                    fixedRejectedHere += isClose(right.get(i), answers.get(i)) ? 0 : 1;
                }
            }
            strangers.put(variant.name(), strangersRejected - before);
        }
        honest += tried;
        rejected += rejectedHere;
        strangersNotBelieved += strangersRejected;
        fixedRejected += fixedRejectedHere;
        ObjectNode row = table.addObject()
                .put("model", subject.name())
                .put("precision", precision.toString())
                .put("honest", tried)
                .put("not believed", rejectedHere)
                .put("not believed when of an engine never calibrated with", strangersRejected)
                .put("not believed by the fixed tolerance", fixedRejectedHere);
        row.set("engines never calibrated with", strangers);
        row.set("why not believed", reasons);
        ObjectNode cheats = row.putObject("cheats");
        StringBuilder line = new StringBuilder();
        int always = 0;
        int kinds = 0;
        for (Cheat cheat : Cheat.of(subject, precision)) {
            List<List<Tensor>> answers = cheat.answers().to(inputs, right, random + 1);
            int missed = 0;
            int fixedMissed = 0;
            int triesHere = 0;
            for (int i = 0; i < inputs.size(); i++) {
                if (answers.get(i) != null) {
                    triesHere++;
                    missed += bounds.exceeded(precision, right.get(i), answers.get(i)) == null ? 1 : 0;
                    fixedMissed += isClose(right.get(i), answers.get(i)) ? 1 : 0;
                }
            }
            if (triesHere > 0) {
                tries += triesHere;
                caught += triesHere - missed;
                fixedCaught += triesHere - fixedMissed;
                cheats.putObject(cheat.name())
                        .put("tries", triesHere)
                        .put("missed", missed)
                        .put("missed by the fixed tolerance", fixedMissed);
                kinds++;
                always += missed == 0 ? 1 : 0;
                if (missed > 0) {
                    line.append(String.format(
                            Locale.ROOT,
                            "%s%s: %d of %d (%d)",
                            line.isEmpty() ? "" : "; ",
                            cheat.name(),
                            missed,
                            triesHere,
                            fixedMissed));
                }
            }
        }
        System.out.printf(
                Locale.ROOT,
                "| %s, %s | %d | %d; %d; %d | %d of %d | %s |%n",
                subject.name().replaceAll(",.*", ""),
                precision,
                tried,
                rejectedHere,
                strangersRejected,
                fixedRejectedHere,
                always,
                kinds,
                line.isEmpty() ? "none" : line);
    }

    private static boolean isClose(List<Tensor> right, List<Tensor> answer) {
        for (int i = 0; i < right.size(); i++) {
            Deviation deviation = Deviation.of(right.get(i), answer.get(i));
            if (deviation.incomparable() != null) {
                return false;
            }
            double[] a = right.get(i).values();
            double[] b = answer.get(i).values();
            for (int k = 0; k < a.length; k++) {
                if (a[k] != b[k] && Math.abs(a[k] - b[k]) > FIXED_ABSOLUTE + FIXED_RELATIVE * Math.abs(a[k])) {
                    return false;
                }
            }
        }
        return true;
    }
}
