package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The median that is published, and what is left out of it. */
class RobustMedianTest {
    /** The lower of the middle ones, found by counting how many are below. */
    private static BigDecimal median(List<BigDecimal> values) {
        for (BigDecimal candidate : values) {
            long below = values.stream().filter(v -> v.compareTo(candidate) < 0).count();
            long notAbove =
                    values.stream().filter(v -> v.compareTo(candidate) <= 0).count();
            long place = (values.size() + 1) / 2;
            if (below < place && place <= notAbove) {
                return candidate;
            }
        }
        throw new AssertionError("no median of " + values);
    }

    private static BigDecimal spread(List<BigDecimal> values, BigDecimal from) {
        return median(values.stream().map(v -> v.subtract(from).abs()).toList());
    }

    private static long[] random(Random random) {
        long[] values = new long[1 + random.nextInt(12)];
        int kind = random.nextInt(4);
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (kind) {
                case 0 -> random.nextLong();
                case 1 -> random.nextInt(6);
                case 2 -> random.nextInt(8) == 0 ? random.nextLong() : 1_000 + random.nextInt(20);
                default -> new long[] {Long.MIN_VALUE, Long.MAX_VALUE, 0, -1}[random.nextInt(4)];
            };
        }
        return values;
    }

    @Test
    void itIsWhatItsDefinitionSaysInDecimals() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            long[] values = random(random);
            List<BigDecimal> all = new ArrayList<>();
            for (long value : values) {
                all.add(BigDecimal.valueOf(value));
            }
            BigDecimal center = median(all);
            BigDecimal tolerated =
                    spread(all, center).multiply(new BigDecimal("4.448")).max(BigDecimal.ONE);
            List<BigDecimal> kept = all.stream()
                    .filter(v -> v.subtract(center).abs().compareTo(tolerated) <= 0)
                    .toList();
            RobustMedian found = RobustMedian.of(values);
            String what = "seed " + seed + ", values " + all;
            assertEquals(median(kept), BigDecimal.valueOf(found.value()), what);
            assertEquals(spread(kept, median(kept)), BigDecimal.valueOf(found.spread()), what);
            for (int i = 0; i < values.length; i++) {
                assertEquals(!kept.contains(all.get(i)), found.isOutlier()[i], what);
            }
        }
    }

    @Test
    void oneUnitOfTheLastDecimalIsNeverTooFar() {
        assertArrayEquals(
                new boolean[] {false, false, false, false, true},
                RobustMedian.of(new long[] {7, 7, 7, 8, 9}).isOutlier());
    }

    @Test
    void ofAnEvenNumberTheLowerMiddleCounts() {
        RobustMedian two = RobustMedian.of(new long[] {20, 10});
        assertEquals(10, two.value());
        assertEquals(0, two.spread());
        assertArrayEquals(new boolean[] {true, false}, two.isOutlier(), "two that disagree: the lower one stands");
    }

    /** A majority that agrees decides, wherever the others are. */
    @Test
    void fewerThanHalfMoveTheValueNoFurtherThanTheHonestDisagree() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 2_000; round++) {
            int honest = 2 + random.nextInt(20);
            long[] values = new long[2 * honest - 1];
            for (int i = 0; i < values.length; i++) {
                values[i] = i < honest ? 1_000 + random.nextInt(50) : random.nextLong();
            }
            long value = RobustMedian.of(values).value();
            assertTrue(value >= 1_000 && value < 1_050, "seed " + seed + ": " + value);
        }
    }
}
