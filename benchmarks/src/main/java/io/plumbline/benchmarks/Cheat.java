package io.plumbline.benchmarks;

import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.onnx.OnnxRewriter.Rounding;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/** What a node may give in place of an answer that it was paid for. */
record Cheat(String name, Answers answers) {
    /** Makes an answer to each of the inputs, of which {@code alike} that follow each other are much the same. */
    @FunctionalInterface
    interface Answers {
        List<List<Tensor>> to(List<List<Tensor>> inputs, List<List<Tensor>> right, int alike) throws IOException;
    }

    /** Those that can be tried on a model that is declared to be computed in {@code precision}. */
    static List<Cheat> of(TestModel subject, Precision precision) {
        List<Cheat> cheats = new ArrayList<>();
        boolean hasFloats = subject.model().precision() == Precision.FP32;
        if (hasFloats && precision == Precision.FP32) {
            cheats.add(rewritten(subject, "tf32 for fp32", Rounding.TF32, null));
            cheats.add(rewritten(subject, "fp16 for fp32", Rounding.FP16, null));
        }
        if (hasFloats) {
            for (int bits : new int[] {8, 4}) {
                cheats.add(rewritten(subject, "weights of " + bits + " bits", null, Variants.quantized(bits)));
            }
            for (int percent : new int[] {5, 20, 50}) {
                cheats.add(
                        rewritten(subject, percent + " % of weights pruned", null, Variants.pruned(percent / 100.0)));
            }
        }
        if (subject.smaller() != null) {
            cheats.add(new Cheat("a smaller model", (inputs, right, alike) -> {
                try (LoadedTensorModel loaded = Variants.load(subject.smaller(), precision)) {
                    return run(loaded, subject, inputs);
                }
            }));
        }
        cheats.add(new Cheat("another input's answer", (inputs, right, alike) -> {
            List<List<Tensor>> others = new ArrayList<>();
            for (int i = 0; i < right.size(); i++) {
                others.add(otherOfSameShape(right, i, alike));
            }
            return others;
        }));
        for (double part : new double[] {1e-4, 1e-2}) {
            cheats.add(new Cheat(
                    "noise of " + (part == 1e-4 ? "0.01" : "1") + " % of the scale",
                    (inputs, right, alike) -> changed(right, (values, row, random) -> noise(values, part, random))));
        }
        cheats.add(new Cheat(
                "one element off by 5 % of the scale",
                (inputs, right, alike) -> changed(
                        right,
                        (values, row, random) -> values[random.nextInt(values.length)] += 0.05 * scale(values))));
        cheats.add(changing("first and second changed over", (values, row, random) -> swapTop(values)));
        cheats.add(changing("zeros", (values, row, random) -> Arrays.fill(values, 0)));
        cheats.add(changing("all negated", (values, row, random) -> scaleBy(values, -1)));
        cheats.add(changing("all 1 % larger", (values, row, random) -> scaleBy(values, 1.01)));
        cheats.add(changing("all a hundred times as large", (values, row, random) -> scaleBy(values, 100)));
        cheats.add(new Cheat("the mean of all answers", (inputs, right, alike) -> means(right)));
        if (isDetector(subject)) {
            cheats.add(changing(
                    "the surest detection erased",
                    (values, row, random) -> copyRow(values, row, surest(values, row, -1), surest(values, row, 1))));
            cheats.add(changing(
                    "a detection invented",
                    (values, row, random) ->
                            copyRow(values, row, surest(values, row, 1), row * random.nextInt(values.length / row))));
        }
        return cheats;
    }

    private static Cheat changing(String name, Change change) {
        return new Cheat(name, (inputs, right, alike) -> changed(right, change));
    }

    private static void scaleBy(double[] values, double factor) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= factor;
        }
    }

    /** Answers of a node that has learned what answers are like, and computes nothing. */
    private static List<List<Tensor>> means(List<List<Tensor>> right) {
        int length = right.getFirst().getFirst().elements();
        double[] mean = new double[length];
        int answers = 0;
        for (List<Tensor> answer : right) {
            if (answer.getFirst().elements() == length) {
                double[] values = answer.getFirst().values();
                answers++;
                for (int i = 0; i < length; i++) {
                    mean[i] += values[i];
                }
            }
        }
        scaleBy(mean, 1.0 / answers);
        return changed(right, (values, row, random) -> {
            for (int i = 0; i < values.length; i++) {
                values[i] = mean[i % length];
            }
        });
    }

    /** Whether the first output has a row of scores for each of many places. */
    private static boolean isDetector(TestModel subject) {
        List<String> dimensions =
                subject.model().manifest().outputs().getFirst().dimensions();
        return dimensions.size() == 3 && dimensions.get(1).matches("\\d+") && Integer.parseInt(dimensions.get(1)) > 100;
    }

    /** Where the row begins whose last score, times {@code sign}, is largest. */
    private static int surest(double[] values, int row, int sign) {
        int surest = 0;
        for (int from = 0; from < values.length; from += row) {
            if (sign * values[from + row - 1] > sign * values[surest + row - 1]) {
                surest = from;
            }
        }
        return surest;
    }

    private static void copyRow(double[] values, int row, int from, int to) {
        System.arraycopy(values.clone(), from, values, to, row);
    }

    private static Cheat rewritten(TestModel subject, String name, Rounding rounding, UnaryOperator<float[]> weights) {
        return new Cheat(name, (inputs, right, alike) -> {
            try (LoadedTensorModel loaded =
                    Variants.rewritten(subject.model(), name, rounding, weights).open()) {
                return run(loaded, subject, inputs);
            }
        });
    }

    static List<List<Tensor>> run(LoadedTensorModel loaded, TestModel subject, List<List<Tensor>> inputs)
            throws IOException {
        List<List<Tensor>> answers = new ArrayList<>();
        for (List<Tensor> input : inputs) {
            answers.add(loaded.run(input, subject.model().manifest().outputNames(), new Stop()));
        }
        return answers;
    }

    private static List<Tensor> otherOfSameShape(List<List<Tensor>> right, int i, int alike) {
        for (int step = 1; step < right.size(); step++) {
            int index = (i + step) % right.size();
            List<Tensor> other = right.get(index);
            boolean fits = Arrays.equals(
                    other.getFirst().shape(), right.get(i).getFirst().shape());
            if (fits
                    && index / alike != i / alike
                    && !Arrays.equals(
                            other.getFirst().data(), right.get(i).getFirst().data())) {
                return other;
            }
        }
        return null;
    }

    interface Change {
        /** @param row elements in a row. */
        void of(double[] values, int row, Random random);
    }

    /** Each answer with the first of its outputs changed. */
    static List<List<Tensor>> changed(List<List<Tensor>> right, Change change) {
        Random random = new Random(5);
        List<List<Tensor>> changed = new ArrayList<>();
        for (List<Tensor> answer : right) {
            List<Tensor> copy = new ArrayList<>(answer);
            Tensor first = answer.getFirst();
            double[] values = first.values();
            long[] shape = first.shape();
            change.of(values, shape.length == 0 ? 1 : (int) shape[shape.length - 1], random);
            ByteBuffer out = ByteBuffer.allocate(first.data().length).order(ByteOrder.LITTLE_ENDIAN);
            for (double value : values) {
                switch (first.type()) {
                    case FP32 -> out.putFloat((float) value);
                    case FP16 -> out.putShort(Float.floatToFloat16((float) value));
                    default -> throw new IllegalStateException("outputs of " + first.type() + " are not changed here");
                }
            }
            copy.set(0, new Tensor(first.name(), first.type(), first.shape(), out.array()));
            changed.add(copy);
        }
        return changed;
    }

    static double scale(double[] values) {
        double squares = 0;
        for (double value : values) {
            squares += value * value;
        }
        return Math.sqrt(squares / values.length);
    }

    static void noise(double[] values, double part, Random random) {
        double scale = scale(values);
        for (int i = 0; i < values.length; i++) {
            values[i] += part * scale * random.nextGaussian();
        }
    }

    private static void swapTop(double[] values) {
        int first = 0;
        int second = -1;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[first]) {
                second = first;
                first = i;
            } else if (second < 0 || values[i] > values[second]) {
                second = i;
            }
        }
        if (second >= 0) {
            double value = values[first];
            values[first] = values[second];
            values[second] = value;
        } else {
            // A single score: what it says is turned round.
            values[0] = 1 - values[0];
        }
    }
}
