package io.plumbline.verifier.tolerant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BoundsTest {
    private static final double SAFETY = 2;

    /** What rounding makes of a score, relative to the size of scores. */
    private static final double ERROR = 1e-6;

    /** The panel differs more, as that of real models does. */
    private static final double PANEL = 4 * ERROR;

    private static Tensor scores(double... values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return Tensor.ofFloats("scores", new long[] {1, values.length}, floats);
    }

    /** A model of which an engine gives scores with an error of its own. */
    @FunctionalInterface
    private interface Model {
        Tensor run(double[] exact, double error, Random random);
    }

    private static double[] random(int length, double size, Random random) {
        double[] values = new double[length];
        for (int i = 0; i < length; i++) {
            values[i] = size * random.nextGaussian();
        }
        return values;
    }

    /** Each score off by a part of what scores are like, and then what the model makes of it. */
    private static double[] rounded(double[] exact, double error, Random random) {
        double size = Math.sqrt(
                Arrays.stream(exact).map(value -> value * value).average().orElse(0));
        return Arrays.stream(exact)
                .map(value -> value + error * size * random.nextGaussian())
                .toArray();
    }

    private static final Model PLAIN = (exact, error, random) -> scores(rounded(exact, error, random));

    private static HonestRuns runs(Model model, double[] exact, Random random) {
        List<List<Tensor>> panel = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            panel.add(List.of(model.run(exact, PANEL, random)));
        }
        return new HonestRuns(List.of(model.run(exact, 0, random)), panel);
    }

    private static Bounds calibrated(Model model, int length, Random random) {
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        for (int i = 0; i < 60; i++) {
            double[] exact = random(length, 1, random);
            maker.add(runs(model, exact, random), List.of(model.run(exact, ERROR, random)));
        }
        return bounds(maker, Precision.FP32, Set.of());
    }

    /** A mean over nothing, as of a text that is masked whole, is no number in every honest run. */
    @Test
    void whatIsNoNumberInEveryHonestRunLeavesTheBoundsNumbers() {
        Random random = new Random(7);
        Model model = (exact, error, noise) -> {
            double[] values = rounded(exact, error, noise);
            values[2] = exact[0] > 0 ? Double.NaN : values[2];
            return scores(values);
        };
        Bounds bounds = Bounds.parse(calibrated(model, 8, random).text());
        double[] exact = {1, -0.5, 0.25, 2, -1, 0.5, 3, -2};
        HonestRuns runs = runs(model, exact, random);
        Tensor honest = model.run(exact, ERROR, random);
        assertTrue(isBelieved(bounds, runs, honest));
        double[] other = honest.values();
        other[2] = 0.25;
        assertFalse(isBelieved(bounds, runs, scores(other)));
    }

    private static Bounds bounds(BoundsMaker maker, Precision precision, Set<String> integer) {
        SortedMap<Precision, SortedMap<String, OutputBounds>> outputs =
                new TreeMap<>(Map.of(precision, maker.bounds(SAFETY, integer)));
        return new Bounds(
                Bytes32.ZERO, SAFETY, new TreeMap<>(Map.of(precision, maker.runs())), new TreeMap<>(), outputs);
    }

    private static boolean isBelieved(Bounds bounds, HonestRuns runs, Tensor answer) {
        return bounds.exceeded(Precision.FP32, runs, List.of(answer)) == null;
    }

    private static Tensor changed(Tensor tensor, java.util.function.DoubleUnaryOperator change) {
        return scores(Arrays.stream(tensor.values()).map(change).toArray());
    }

    @Test
    void quantilesAreThoseOfTheDefinition() {
        double[] off = new double[100];
        for (int i = 0; i < 100; i++) {
            off[i] = i + 1;
        }
        Deviation deviation = Deviation.of(scores(new double[100]), scores(off));
        assertEquals("[50.0, 90.0, 99.0, 100.0]", Arrays.toString(deviation.absolute()));
    }

    /** Bounds follow the request: errors grow with what is summed, and so does what the panel differs by. */
    @ParameterizedTest
    @ValueSource(doubles = {1e-4, 0.01, 1, 100, 1e5})
    void honestAnswersAreBelievedAtEverySizeAndFalseOnesAtNone(double size) {
        Random random = new Random(11);
        Bounds bounds = calibrated(PLAIN, 50, random);
        for (int i = 0; i < 500; i++) {
            double[] exact = random(50, size, random);
            HonestRuns runs = runs(PLAIN, exact, random);
            Tensor right = runs.reference().getFirst();
            String where = "seed 11, run " + i;
            assertTrue(isBelieved(bounds, runs, PLAIN.run(exact, ERROR, random)), where);
            assertFalse(isBelieved(bounds, runs, PLAIN.run(exact, 100 * ERROR, random)), where);
            assertFalse(isBelieved(bounds, runs, changed(right, value -> 0)), where);
            assertFalse(isBelieved(bounds, runs, changed(right, value -> 1.001 * value)), where);
            assertFalse(isBelieved(bounds, runs, scores(random(50, size, random))), where);
        }
    }

    /** What stands for a masked score is huge, and must not decide what the others may be. */
    @ParameterizedTest
    @ValueSource(doubles = {-1e4, -1e9, -3.4028234663852886e38, Double.NEGATIVE_INFINITY})
    void masksDoNotWidenWhatOtherScoresMayBe(double mask) {
        for (int open : new int[] {1, 3, 20, 39}) {
            Model masked = (exact, error, random) -> {
                double[] values = rounded(exact, error, random);
                for (int i = open; i < values.length; i++) {
                    // As models do: the mask is added, in fp32.
                    values[i] = (float) values[i] + (float) mask;
                }
                return scores(values);
            };
            Random random = new Random(12);
            Bounds bounds = calibrated(masked, 40, random);
            for (int i = 0; i < 100; i++) {
                double[] exact = random(40, 1, random);
                HonestRuns runs = runs(masked, exact, random);
                Tensor right = runs.reference().getFirst();
                String where = "seed 12, " + open + " open, run " + i;
                assertTrue(isBelieved(bounds, runs, masked.run(exact, ERROR, random)), where);
                double[] other = random(40, 1, random);
                assertFalse(isBelieved(bounds, runs, masked.run(other, 0, random)), where);
                double far = -1000;
                for (java.util.function.DoubleUnaryOperator cheat : List.<java.util.function.DoubleUnaryOperator>of(
                        value -> value < far ? value : 0,
                        value -> value < far ? value : -value,
                        value -> value < far ? value : 100 * value,
                        value -> value < far ? value : value + 0.003,
                        value -> value < far ? value : 1e6)) {
                    assertFalse(isBelieved(bounds, runs, changed(right, cheat)), where);
                }
            }
        }
    }

    /** At a rectifier's edge an honest engine may be a little above zero where all other runs give zero. */
    @Test
    void zerosOfARectifierMayBeALittleMore() {
        for (int length : new int[] {1, 50}) {
            Model rectified = (exact, error, random) ->
                    changed(scores(rounded(exact, error, random)), value -> Math.max(0, value));
            Random random = new Random(13);
            Bounds bounds = calibrated(rectified, length, random);
            for (int i = 0; i < 300; i++) {
                double[] exact = random(length, 1, random);
                exact[0] = -1e-9;
                HonestRuns runs = runs(rectified, exact, random);
                Tensor right = runs.reference().getFirst();
                double[] edge = right.values();
                edge[0] = 0.3 * ERROR;
                assertTrue(isBelieved(bounds, runs, scores(edge)), "seed 13, " + length + ", run " + i);
                edge[0] = 1e-3;
                assertFalse(isBelieved(bounds, runs, scores(edge)), "seed 13, " + length + ", run " + i);
            }
        }
    }

    @Test
    void fewUnitsInTheLastPlaceAreAlwaysAllowed() {
        Tensor reference = scores(1, 2, 3);
        HonestRuns runs = new HonestRuns(List.of(reference), List.of(List.of(reference), List.of(reference)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(runs, List.of(reference));
        Bounds bounds = bounds(maker, Precision.FP32, Set.of());
        assertTrue(isBelieved(bounds, runs, scores(1, 2, Math.nextUp(3f))));
        assertFalse(isBelieved(bounds, runs, scores(1, 2, 3.0001f)));
    }

    @Test
    void scoresThatChangePlacesAreSeenByTheirGap() {
        Random random = new Random(14);
        Bounds bounds = calibrated(PLAIN, 4, random);
        double[] near = {1, 5, 5 + ERROR, 9};
        assertTrue(isBelieved(bounds, runs(PLAIN, near, random), scores(1, 5 + ERROR, 5, 9)));
        double[] apart = {1, 5, 5.001, 9};
        HonestRuns runs = runs(PLAIN, apart, random);
        assertFalse(isBelieved(bounds, runs, scores(1, 5.001, 5, 9)));
    }

    @Test
    void whatIsNotFiniteMustBeTheSameAsInAnHonestRun() {
        Tensor reference = scores(1, Double.NEGATIVE_INFINITY, Double.NaN);
        HonestRuns runs = new HonestRuns(List.of(reference), List.of(List.of(reference)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(runs, List.of(reference));
        Bounds bounds = bounds(maker, Precision.FP32, Set.of());
        assertTrue(isBelieved(bounds, runs, reference));
        assertFalse(isBelieved(bounds, runs, scores(1, 2, Double.NaN)));
        assertFalse(isBelieved(bounds, runs, scores(Double.NaN, Double.NEGATIVE_INFINITY, Double.NaN)));
        assertThrows(
                IllegalArgumentException.class,
                () -> new BoundsMaker(Precision.FP32).add(runs, List.of(scores(1, 2, 3))));
        // One that overflows in an honest run may overflow.
        HonestRuns edge =
                new HonestRuns(List.of(scores(1, 3e38)), List.of(List.of(scores(1, Double.POSITIVE_INFINITY))));
        maker.add(edge, List.of(scores(1, Double.POSITIVE_INFINITY)));
        assertTrue(isBelieved(bounds, edge, scores(1, Double.POSITIVE_INFINITY)));
        assertFalse(isBelieved(bounds, edge, scores(1, Double.NEGATIVE_INFINITY)));
    }

    /** A label is decided by a margin: where that is within the error some run turns it over. */
    @Test
    void labelsAreThoseOfAnHonestRun() {
        Tensor three = Tensor.ofLongs("labels", new long[] {2}, 3, 1);
        Tensor four = Tensor.ofLongs("labels", new long[] {2}, 4, 1);
        HonestRuns decided = new HonestRuns(List.of(three), List.of(List.of(three), List.of(three)));
        HonestRuns open = new HonestRuns(List.of(three), List.of(List.of(three), List.of(four)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(decided, List.of(three));
        maker.add(open, List.of(four));
        Bounds bounds = bounds(maker, Precision.FP32, Set.of());
        assertTrue(isBelieved(bounds, open, four));
        assertFalse(isBelieved(bounds, decided, four));
        assertFalse(isBelieved(bounds, open, Tensor.ofLongs("labels", new long[] {2}, 4, 2)));
    }

    /** How many detections there are, and which of two alike comes first, an honest run decides as a whole. */
    @Test
    void detectionsAreThoseOfOneHonestRun() {
        Tensor two = Tensor.ofFloats("boxes", new long[] {2, 2}, 1, 2, 3, 4);
        Tensor turned = Tensor.ofFloats("boxes", new long[] {2, 2}, 3, 4, 1, 2);
        Tensor one = Tensor.ofFloats("boxes", new long[] {1, 2}, 1, 2);
        HonestRuns open = new HonestRuns(List.of(two), List.of(List.of(turned), List.of(one)));
        HonestRuns decided = new HonestRuns(List.of(two), List.of(List.of(two), List.of(two)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(decided, List.of(two));
        Bounds bounds = bounds(maker, Precision.FP32, Set.of());
        for (Tensor answer : List.of(two, turned, one)) {
            assertTrue(isBelieved(bounds, open, answer), answer.toString());
        }
        assertFalse(isBelieved(bounds, decided, turned));
        assertFalse(isBelieved(bounds, decided, one));
        assertFalse(isBelieved(bounds, open, Tensor.ofFloats("boxes", new long[] {1, 2}, 3, 4)));
    }

    /** A quantized model's differences are those of its steps, whatever the panel does. */
    @Test
    void quantizedModelsAreHeldToTheirSteps() {
        Tensor reference = scores(1, 2, 3, -1e9);
        HonestRuns runs = new HonestRuns(List.of(reference), List.of(List.of(reference)));
        BoundsMaker maker = new BoundsMaker(Precision.INT8);
        maker.add(runs, List.of(scores(1.01, 2, 3, -1e9 + 64)));
        Bounds bounds = bounds(maker, Precision.INT8, Set.of());
        assertNull(bounds.exceeded(Precision.INT8, runs, List.of(scores(1, 2.01, 3, -1e9))));
        assertNotNull(bounds.exceeded(Precision.INT8, runs, List.of(scores(1, 2.1, 3, -1e9))));
        assertNotNull(bounds.exceeded(Precision.INT8, runs, List.of(scores(1.01, 2.01, 3.01, -1e9))));
    }

    @Test
    void integersOfIntegerArithmeticMustBeTheSame() {
        Tensor labels = Tensor.ofLongs("labels", new long[] {3}, 1, 2, 3);
        HonestRuns runs = new HonestRuns(List.of(labels), List.of(List.of(labels)));
        BoundsMaker maker = new BoundsMaker(Precision.INT8);
        maker.add(runs, List.of(labels));
        Bounds exact = bounds(maker, Precision.INT8, Set.of("labels"));
        assertTrue(exact.at(Precision.INT8).get("labels").exact());
        assertNull(exact.exceeded(Precision.INT8, runs, List.of(labels)));
        assertNotNull(exact.exceeded(Precision.INT8, runs, List.of(Tensor.ofLongs("labels", new long[] {3}, 1, 2, 4))));
        Tensor words = Tensor.ofStrings("words", new long[] {1}, List.of(new byte[] {65}));
        assertNotNull(Deviation.of(words, Tensor.ofStrings("words", new long[] {1}, List.of(new byte[] {66})))
                .incomparable());
    }

    /** Integers beyond 2^53 are no doubles. */
    @Test
    void integersAreComparedAsIntegers() {
        long big = 1L << 60;
        Tensor labels = Tensor.ofLongs("labels", new long[] {3}, big, Long.MIN_VALUE, 0);
        HonestRuns runs = new HonestRuns(List.of(labels), List.of(List.of(labels)));
        BoundsMaker maker = new BoundsMaker(Precision.INT8);
        maker.add(runs, List.of(labels));
        Bounds exact = bounds(maker, Precision.INT8, Set.of("labels"));
        Tensor low = Tensor.ofLongs("labels", new long[] {3}, big + 1, Long.MIN_VALUE, 0);
        assertFalse(Deviation.of(labels, low).isNone());
        assertNotNull(exact.exceeded(Precision.INT8, runs, List.of(low)));
        Tensor far = Tensor.ofLongs("labels", new long[] {3}, big, Long.MAX_VALUE, 0);
        assertEquals(0x1p64, Deviation.of(labels, far).absolute()[3]);
        byte[] ones = new byte[8];
        Arrays.fill(ones, (byte) 0xFF);
        byte[] almost = ones.clone();
        almost[0] = (byte) 0xFE;
        Tensor unsigned = new Tensor("u", ElementType.UINT64, new long[] {1}, ones);
        assertEquals(
                1,
                Deviation.of(unsigned, new Tensor("u", ElementType.UINT64, new long[] {1}, almost))
                        .absolute()[3]);
        assertEquals(
                0x1p64,
                Deviation.of(unsigned, new Tensor("u", ElementType.UINT64, new long[] {1}, new byte[8]))
                        .absolute()[3]);
    }

    @Test
    void payloadsOfNotANumberAndSignsOfZeroAreNoDifference() {
        float payload = Float.intBitsToFloat(0x7FC0_1234);
        Tensor reference = Tensor.ofFloats("scores", new long[] {1, 3}, Float.NaN, 0f, 1);
        Tensor same = Tensor.ofFloats("scores", new long[] {1, 3}, payload, -0f, 1);
        assertTrue(Deviation.of(reference, same).isNone());
        assertTrue(Deviation.of(same, reference).isNone());
        assertNotNull(Deviation.of(reference, scores(0, Double.NaN, 1)).incomparable());
        HonestRuns runs = new HonestRuns(List.of(reference), List.of(List.of(reference)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(runs, List.of(same));
        assertTrue(isBelieved(bounds(maker, Precision.FP32, Set.of()), runs, same));
    }

    @Test
    void boundsSurviveTheirText() {
        Bounds bounds = calibrated(PLAIN, 5, new Random(15));
        assertEquals(bounds.text(), Bounds.parse(bounds.text()).text());
        assertThrows(
                IllegalArgumentException.class, () -> Bounds.parse(bounds.text().replace("within", "about")));
        assertThrows(
                IllegalArgumentException.class, () -> Bounds.parse(bounds.text().replace("bounds 3", "bounds 2")));
    }
}
