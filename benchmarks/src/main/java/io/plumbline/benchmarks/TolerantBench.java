package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.RandomInputs;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.BoundsMaker;
import io.plumbline.verifier.tolerant.Deviation;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
                            + " fixed tolerance | of inputs 0.01, 10 and 100 times as large | largest noise believed |"
                            + " kinds of cheat always caught | missed, of tries (by the fixed tolerance) |");
            System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
            for (TestModel subject : new Subjects(folder, material).all()) {
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
            Directories.delete(folder);
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
        new BenchmarkResult(
                        "tolerant-accuracy",
                        new Readings(accuracy(strangersNotBelieved, caught)),
                        "% of answers judged rightly, as many honest as false",
                        false,
                        "a fixed tolerance, relative 1e-3 and absolute 1e-7, as ONNX's backend tests compare by",
                        new Readings(accuracy(fixedRejected, fixedCaught)),
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

    /** Inputs, what an auditor computes for each, and what every honest engine answers. */
    private record Tried(List<List<Tensor>> inputs, List<HonestRuns> judged, Map<String, List<List<Tensor>>> answers) {
        static Tried of(TestModel subject, Precision precision, List<List<Tensor>> inputs) throws IOException {
            List<HonestRuns> judged = new ArrayList<>();
            List<String> outputs = subject.model().manifest().outputNames();
            try (AuditRuns auditor = AuditRuns.open(subject.model(), List.of(precision))) {
                for (List<Tensor> input : inputs) {
                    judged.add(auditor.run(precision, input, outputs, new Stop()));
                }
            }
            Map<String, List<List<Tensor>>> answers = new LinkedHashMap<>();
            for (Variants.Variant variant : Variants.honest(subject.model(), precision)) {
                try (LoadedTensorModel loaded = variant.open()) {
                    answers.put(variant.name(), Cheat.run(loaded, subject, inputs));
                }
            }
            return new Tried(inputs, judged, answers);
        }

        List<List<Tensor>> right() {
            return judged.stream().map(HonestRuns::reference).toList();
        }

        /** How many of an engine's answers are not believed. */
        int notBelieved(String engine, Bounds bounds, Precision precision, ArrayNode reasons) {
            int rejected = 0;
            for (int i = 0; i < inputs.size(); i++) {
                Bounds.Excess excess = bounds.exceeded(
                        precision, judged.get(i), answers.get(engine).get(i));
                if (excess != null) {
                    rejected++;
                    reasons.add(engine + ", " + excess.output() + ": " + excess.reason());
                }
            }
            return rejected;
        }
    }

    /** Bounds from all engines but one. */
    private Bounds bounds(TestModel subject, Precision precision, Tried tried, String without) {
        BoundsMaker maker = new BoundsMaker(precision);
        tried.answers().forEach((engine, answers) -> {
            for (int i = 0; !engine.equals(without) && i < answers.size(); i++) {
                maker.addInputs(tried.inputs().get(i));
                maker.add(tried.judged().get(i), answers.get(i));
            }
        });
        TreeMap<Precision, Integer> runs = new TreeMap<>();
        runs.put(precision, maker.runs());
        SortedMap<Precision, SortedMap<String, io.plumbline.verifier.tolerant.OutputBounds>> outputs = new TreeMap<>();
        outputs.put(precision, maker.bounds(safety, Set.of()));
        return new Bounds(subject.model().manifest().id(), safety, runs, maker.inputs(new TreeMap<>()), outputs);
    }

    /** Calibrates with one half of the real inputs and tries the other half, with other random ones. */
    private void measure(TestModel subject, Precision precision) throws IOException {
        int half = (subject.real().size() + 1) / 2;
        List<List<Tensor>> known = subject.real().subList(0, half);
        List<List<Tensor>> fresh = subject.real().size() == 1
                ? known
                : subject.real().subList(half, subject.real().size());
        Tried calibrated = Tried.of(subject, precision, inputs(subject, known, 1));
        List<List<Tensor>> inputs = inputs(subject, fresh, 77);
        Tried tried = Tried.of(subject, precision, inputs);
        Bounds bounds = bounds(subject, precision, calibrated, null);
        int honestHere = 0;
        int rejectedHere = 0;
        int strangersRejected = 0;
        int fixedRejectedHere = 0;
        ArrayNode reasons = new ObjectMapper().createArrayNode();
        ObjectNode strangers = new ObjectMapper().createObjectNode();
        for (String engine : tried.answers().keySet()) {
            honestHere += inputs.size();
            rejectedHere += tried.notBelieved(engine, bounds, precision, reasons);
            // Bounds that have never seen this engine.
            Bounds without = bounds(subject, precision, calibrated, engine);
            int stranger = tried.notBelieved(engine, without, precision, new ObjectMapper().createArrayNode());
            strangers.put(engine, stranger);
            strangersRejected += stranger;
            for (int i = 0; i < inputs.size(); i++) {
                fixedRejectedHere += isClose(
                                tried.right().get(i),
                                tried.answers().get(engine).get(i))
                        ? 0
                        : 1;
            }
        }
        honest += honestHere;
        rejected += rejectedHere;
        strangersNotBelieved += strangersRejected;
        fixedRejected += fixedRejectedHere;
        ObjectNode row = table.addObject()
                .put("model", subject.name())
                .put("precision", precision.toString())
                .put("honest", honestHere)
                .put("not believed", rejectedHere)
                .put("not believed when of an engine never calibrated with", strangersRejected)
                .put("not believed by the fixed tolerance", fixedRejectedHere);
        row.set("engines never calibrated with", strangers);
        ObjectNode scaled = row.putObject("honest answers to inputs of another size, not believed");
        for (double scale : new double[] {0.01, 10, 100}) {
            List<List<Tensor>> others = inputs.stream()
                    .map(input -> RandomInputs.scaled(input, scale))
                    .toList();
            Tried beyond = Tried.of(subject, precision, others);
            int wrong = 0;
            for (String engine : beyond.answers().keySet()) {
                wrong += beyond.notBelieved(engine, bounds, precision, reasons);
            }
            scaled.put(scale + " times", wrong + " of " + honestHere);
        }
        row.set("why not believed", reasons);
        double room = room(tried, bounds, precision);
        row.put("largest noise believed, as a part of the output's scale", room);
        ObjectNode cheats = row.putObject("cheats");
        StringBuilder line = new StringBuilder();
        int always = 0;
        int kinds = 0;
        for (Cheat cheat : Cheat.of(subject, precision)) {
            List<List<Tensor>> answers = cheat.answers().to(inputs, tried.right(), random + 1);
            int missed = 0;
            int fixedMissed = 0;
            int triesHere = 0;
            for (int i = 0; i < inputs.size(); i++) {
                if (answers.get(i) != null
                        && !isSame(answers.get(i), tried.right().get(i))) {
                    triesHere++;
                    missed += bounds.exceeded(precision, tried.judged().get(i), answers.get(i)) == null ? 1 : 0;
                    fixedMissed += isClose(tried.right().get(i), answers.get(i)) ? 1 : 0;
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
                "| %s, %s | %d | %d; %d; %d | %s | %.1g | %d of %d | %s |%n",
                subject.name().replaceAll(",.*", ""),
                precision,
                honestHere,
                rejectedHere,
                strangersRejected,
                fixedRejectedHere,
                String.join(
                        "; ",
                        scaled.properties().stream()
                                .map(entry -> entry.getValue().asText().replaceAll(" of.*", ""))
                                .toList()),
                room,
                always,
                kinds,
                line.isEmpty() ? "none" : line);
    }

    private List<List<Tensor>> inputs(TestModel subject, List<List<Tensor>> real, long seed) {
        return Calibration.inputs(
                subject.model().manifest(), subject.shapes(), new Calibration.Plan(real, random, seed, List.of()));
    }

    /**
     * The reach of a cheat that knows the bounds: the largest random noise on the first output that is still believed,
     * over the output's root mean square; the median of some inputs.
     */
    private static double room(Tried tried, Bounds bounds, Precision precision) {
        List<Double> rooms = new ArrayList<>();
        for (int i = 0;
                i < tried.inputs().size();
                i += Math.max(1, tried.inputs().size() / 16)) {
            double believed = 0;
            double caught = 1;
            for (int step = 0; step < 40; step++) {
                double part = believed == 0 ? caught / 4 : Math.sqrt(believed * caught);
                List<List<Tensor>> noisy = Cheat.changed(
                        List.of(tried.right().get(i)), (values, row, random) -> Cheat.noise(values, part, random));
                if (bounds.exceeded(precision, tried.judged().get(i), noisy.getFirst()) == null) {
                    believed = part;
                } else {
                    caught = part;
                }
                if (caught < 1e-12 || caught < 1.05 * believed) {
                    break;
                }
            }
            rooms.add(believed);
        }
        Collections.sort(rooms);
        return rooms.get(rooms.size() / 2);
    }

    private static boolean isSame(List<Tensor> answer, List<Tensor> right) {
        for (int i = 0; i < right.size(); i++) {
            if (!Arrays.equals(answer.get(i).data(), right.get(i).data())) {
                return false;
            }
        }
        return true;
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
