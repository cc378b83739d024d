package io.plumbline.verifier.tolerant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BoundsTest {
    private static Tensor scores(float... values) {
        return Tensor.ofFloats("scores", new long[] {1, values.length}, values);
    }

    private static OutputBounds bounds(double safety, Tensor reference, Tensor... honest) {
        BoundsMaker maker = new BoundsMaker();
        for (Tensor one : honest) {
            maker.add(List.of(reference), List.of(one));
        }
        return maker.bounds(safety, Set.of()).get(reference.name());
    }

    @Test
    void quantilesAreThoseOfTheDefinition() {
        Tensor reference = scores(new float[100]);
        float[] off = new float[100];
        for (int i = 0; i < 100; i++) {
            off[i] = i + 1;
        }
        Deviation deviation = Deviation.of(reference, scores(off));
        assertEquals("[50.0, 90.0, 99.0, 100.0]", Arrays.toString(deviation.absolute()));
    }

    @Test
    void whatLiesWithinIsAcceptedAndWhatLiesBeyondIsNot() {
        Tensor reference = scores(10, 20, 30, 40);
        OutputBounds bounds = bounds(4, reference, scores(10.01f, 20, 30, 40));
        assertNull(bounds.exceededBy(Deviation.of(reference, scores(10.03f, 20, 30, 40))));
        String why = bounds.exceededBy(Deviation.of(reference, scores(10.05f, 20, 30, 40)));
        assertTrue(why.contains("of its differences reach 0.05"), why);
        // Half of the honest differences are none: a small one everywhere is beyond them.
        assertNotNull(bounds.exceededBy(Deviation.of(reference, scores(10.01f, 20.01f, 30.01f, 40.01f))));
        assertTrue(bounds.use(Deviation.of(reference, scores(10.03f, 20, 30, 40))) <= 1);
        assertTrue(bounds.use(Deviation.of(reference, scores(10.05f, 20, 30, 40))) > 1);
    }

    @Test
    void fewUnitsInTheLastPlaceAreAlwaysAllowed() {
        Tensor reference = scores(1, 2, 3);
        OutputBounds bounds = bounds(4, reference, reference);
        assertNull(bounds.exceededBy(Deviation.of(reference, scores(1, 2, Math.nextUp(3f)))));
        assertNotNull(bounds.exceededBy(Deviation.of(reference, scores(1, 2, 3.0001f))));
    }

    @Test
    void scoresThatChangePlacesAreSeenByTheirGap() {
        Tensor reference = scores(1, 5, 5.1f, 9);
        // Honest runs are off by more than the gap, but keep the order.
        OutputBounds bounds = bounds(1, reference, scores(1.2f, 5.2f, 5.3f, 9.2f), scores(0.8f, 4.8f, 4.9f, 8.8f));
        assertNull(bounds.exceededBy(Deviation.of(reference, scores(1.1f, 5.1f, 5.2f, 9.1f))));
        String why = bounds.exceededBy(Deviation.of(reference, scores(1.1f, 5.15f, 5.0f, 9.1f)));
        assertTrue(why.contains("changed places"), why);
    }

    @Test
    void whatIsNotFiniteMustBeTheSame() {
        Tensor reference = scores(1, Float.NEGATIVE_INFINITY, Float.NaN);
        OutputBounds bounds = bounds(4, reference, reference);
        assertNull(bounds.exceededBy(Deviation.of(reference, reference)));
        for (Tensor other : List.of(scores(1, 2, Float.NaN), scores(Float.NaN, Float.NEGATIVE_INFINITY, Float.NaN))) {
            assertNotNull(bounds.exceededBy(Deviation.of(reference, other)));
        }
        assertThrows(IllegalArgumentException.class, () -> bounds(4, reference, scores(1, 2, 3)));
    }

    @Test
    void integersOfIntegerArithmeticMustBeTheSame() {
        Tensor labels = Tensor.ofLongs("labels", new long[] {3}, 1, 2, 3);
        BoundsMaker maker = new BoundsMaker();
        maker.add(List.of(labels), List.of(labels));
        OutputBounds exact = maker.bounds(4, Set.of("labels")).get("labels");
        assertTrue(exact.exact());
        assertNull(exact.exceededBy(Deviation.of(labels, labels)));
        assertNotNull(exact.exceededBy(Deviation.of(labels, Tensor.ofLongs("labels", new long[] {3}, 1, 2, 4))));
        Tensor words = Tensor.ofStrings("words", new long[] {1}, List.of(new byte[] {65}));
        assertNotNull(Deviation.of(words, Tensor.ofStrings("words", new long[] {1}, List.of(new byte[] {66})))
                .incomparable());
    }

    /** With as many honest runs as a calibration takes, a fresh one of the same kind is believed. */
    @Test
    void freshHonestRunsOfTheSameKindAreBelieved() {
        Random random = new Random(4);
        float[] values = new float[50];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Tensor reference = scores(values);
        BoundsMaker maker = new BoundsMaker();
        for (int i = 0; i < 100; i++) {
            maker.add(List.of(reference), List.of(noisy(values, 1e-5, random)));
        }
        OutputBounds bounds = maker.bounds(4, Set.of()).get("scores");
        for (int i = 0; i < 2000; i++) {
            assertNull(bounds.exceededBy(Deviation.of(reference, noisy(values, 1e-5, random))), "seed 4, run " + i);
            assertNotNull(bounds.exceededBy(Deviation.of(reference, noisy(values, 1e-3, random))), "seed 4, run " + i);
        }
    }

    private static Tensor noisy(float[] values, double noise, Random random) {
        float[] moved = values.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += (float) (noise * random.nextGaussian());
        }
        return scores(moved);
    }

    /** Integers beyond 2^53 are no doubles. */
    @Test
    void integersAreComparedAsIntegers() {
        long big = 1L << 60;
        Tensor labels = Tensor.ofLongs("labels", new long[] {3}, big, Long.MIN_VALUE, 0);
        BoundsMaker maker = new BoundsMaker();
        maker.add(List.of(labels), List.of(labels));
        OutputBounds exact = maker.bounds(4, Set.of("labels")).get("labels");
        Tensor low = Tensor.ofLongs("labels", new long[] {3}, big + 1, Long.MIN_VALUE, 0);
        assertFalse(Deviation.of(labels, low).isNone());
        assertNotNull(exact.exceededBy(Deviation.of(labels, low)));
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
        Tensor reference = scores(Float.NaN, 0f, 1);
        assertTrue(Deviation.of(reference, scores(payload, -0f, 1)).isNone());
        assertTrue(Deviation.of(scores(payload, -0f, 1), reference).isNone());
        assertNotNull(Deviation.of(reference, scores(0f, Float.NaN, 1)).incomparable());
    }

    /** Beside zeros alone there is nothing to be relative to: the absolute bound decides. */
    @Test
    void zerosAreJudgedByTheAbsoluteBound() {
        Tensor reference = scores(0, 0, 0, 0);
        OutputBounds bounds = bounds(4, scores(1, 2, 3, 4), scores(1.001f, 2, 3, 4));
        assertNull(bounds.exceededBy(Deviation.of(reference, scores(1e-3f, 0, 0, 0))));
        assertNotNull(bounds.exceededBy(Deviation.of(reference, scores(1e-2f, 0, 0, 0))));
    }
}
