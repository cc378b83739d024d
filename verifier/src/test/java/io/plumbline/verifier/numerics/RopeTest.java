package io.plumbline.verifier.numerics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RopeTest {
    /** Values of the published rule for Llama 3.1 (theta 500000, 128 channels, factor 8), computed apart in Python. */
    @Test
    void aStretchedModelHasThePublishedFrequencies() {
        Rope rope = new Rope(500_000, new RopeScaling.Llama3(8, 1, 4, 8192));
        int[] pairs = {0, 20, 28, 30, 32, 34, 36, 40, 63};
        double[] expected = {
            1.0,
            0.016560440080994446,
            0.003211445994752591,
            0.0013718935677611381,
            0.0005248461609929547,
            0.0001785078127679964,
            7.78465527393245e-05,
            3.428102195952591e-05,
            3.068925988914511e-07
        };
        for (int i = 0; i < pairs.length; i++) {
            assertEquals(expected[i], rope.frequency(pairs[i], 128), 1e-12 * expected[i], "pair " + pairs[i]);
        }
    }

    @Test
    void numbersThatNoModelHasAreRefused() {
        for (double theta : new double[] {1e-300, 0.5, 0, -10_000, 1e300, Double.POSITIVE_INFINITY, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> Rope.plain(theta), "theta " + theta);
        }
        double[][] stretches = {{1e300, 1, 4, 8192}, {8, 1, Double.POSITIVE_INFINITY, 8192}, {8, 1, 4, 1e300}};
        for (double[] s : stretches) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new RopeScaling.Llama3(s[0], s[1], s[2], s[3]),
                    Arrays.toString(s));
        }
    }

    @Test
    void aTableOfSomePositionsHasTheirValuesInTheTableOfAll() {
        Rope rope = new Rope(500_000, new RopeScaling.Llama3(8, 1, 4, 8192));
        RopeTable all = RopeTable.of(100, 16, rope);
        RopeTable some = RopeTable.of(37, 5, 16, rope);
        assertEquals(37, some.first());
        assertArrayEquals(Arrays.copyOfRange(all.cos(), 37 * 8, 42 * 8), some.cos());
        assertArrayEquals(Arrays.copyOfRange(all.sin(), 37 * 8, 42 * 8), some.sin());
    }

    /** Expected values are those of transformers' own formulas, in Python. */
    @Test
    void yarnIsARampBetweenKeptAndDividedFrequencies() {
        Rope qwen = new Rope(1_000_000, new RopeScaling.Yarn(4, 1.1386294361119891, 32, 1, 32_768, true));
        Rope untruncated = new Rope(150_000, new RopeScaling.Yarn(32, 1.3465735902799727, 32, 1, 4_096, false));
        assertFrequencies(qwen, 128, new int[] {0, 10, 30, 35, 40, 63}, new double[] {
            1,
            0.1154781984689458,
            0.0010643609812470017,
            0.0002462584069089387,
            4.445698525097307e-05,
            3.102344401879299e-07
        });
        assertFrequencies(untruncated, 64, new int[] {0, 8, 10, 14, 17, 31}, new double[] {
            1,
            0.050813274815461475,
            0.019335001126540362,
            0.0020937923789696887,
            0.00012931870124506317,
            3.0235114281192144e-07
        });
        RopeTable table = RopeTable.of(2, 128, qwen);
        assertEquals((float) 1.1386294361119891, table.cos()[0]);
        assertEquals((float) (Math.sin(1) * 1.1386294361119891), table.sin()[64]);
    }

    private static void assertFrequencies(Rope rope, int size, int[] pairs, double[] expected) {
        for (int i = 0; i < pairs.length; i++) {
            assertEquals(expected[i], rope.frequency(pairs[i], size), 1e-12 * expected[i], "pair " + pairs[i]);
        }
    }

    @Test
    void otherScalingsDivideAllPairsByOneNumberOrEachByItsOwn() {
        Rope linear = new Rope(1_000_000, new RopeScaling.Linear(8));
        Rope longRope = new Rope(10_000, new RopeScaling.LongRope(1.19, 1, 2, 4));
        Rope plain = Rope.plain(10_000);
        for (int i = 0; i < 3; i++) {
            assertEquals(Rope.plain(1_000_000).frequency(i, 6) / 8, linear.frequency(i, 6));
            assertEquals(plain.frequency(i, 6) / (1 << i), longRope.frequency(i, 6));
        }
        assertThrows(IllegalArgumentException.class, () -> longRope.frequency(0, 8), "three factors for four pairs");
    }

    @Test
    void itsTextReadsBack() {
        RopeScaling[] scalings = {
            RopeScaling.NONE,
            new RopeScaling.Linear(8),
            new RopeScaling.Llama3(8, 1, 4, 8192),
            new RopeScaling.Yarn(4, 1.14, 32, 1, 32_768, true),
            new RopeScaling.LongRope(1.19, 1, 1.5, 44.25)
        };
        for (RopeScaling scaling : scalings) {
            Rope rope = new Rope(500_000, scaling);
            String[] fields = rope.toFields("localRope").split(" ");
            assertEquals("localRopeTheta", fields[0].split("=")[0]);
            assertEquals(
                    rope, Rope.fromFields(fields[0].split("=")[1], fields[1].split("=")[1]));
        }
        assertEquals(
                "ropeTheta=0x1.e848p18 ropeScaling=0x1.0p3,0x1.0p0,0x1.0p2,0x1.0p13",
                new Rope(500_000, scalings[2]).toFields("rope"),
                "as manifests of version 1 have it");
        for (String field :
                new String[] {"none,1", "odd,1", "linear,1", "linear", "yarn,1,2", "long,1,0", "1,2,3", ""}) {
            assertThrows(RuntimeException.class, () -> RopeScaling.fromField(field), field);
        }
        assertThrows(IllegalArgumentException.class, () -> new RopeScaling.Llama3(8, 4, 1, 8192));
    }
}
