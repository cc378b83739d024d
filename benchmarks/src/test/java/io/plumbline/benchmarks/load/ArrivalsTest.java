package io.plumbline.benchmarks.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArrivalsTest {
    private static final int COUNT = 20_000;

    @Test
    void constantArrivalsAreEvenlySpacedAndDoNotDrift() {
        Arrivals arrivals = Arrivals.constant(3);
        long[] times = LongStream.generate(arrivals::nextNs).limit(COUNT).toArray();
        for (int i = 0; i < COUNT; i++) {
            assertEquals(i * 1_000_000_000L / 3, times[i], i / 1e6 + 1, "request " + i);
        }
    }

    /** Of an exponential distribution mean and standard deviation are the same. */
    @Test
    void poissonArrivalsHaveExponentialGapsOfTheRateAsked() {
        Arrivals arrivals = Arrivals.poisson(1_000, 7);
        long[] times = LongStream.generate(arrivals::nextNs).limit(COUNT).toArray();
        double[] gaps = IntStream.range(1, COUNT)
                .mapToDouble(i -> times[i] - times[i - 1])
                .toArray();
        double mean = LongStream.of(times).max().orElseThrow() / (double) COUNT;
        double variance = Arrays.stream(gaps)
                .map(gap -> (gap - mean) * (gap - mean))
                .average()
                .orElseThrow();
        assertEquals(1e6, mean, 3e4);
        assertEquals(1e6, Math.sqrt(variance), 4e4);
        assertTrue(Arrays.stream(gaps).allMatch(gap -> gap >= 0));
        assertEquals(
                times[5],
                LongStream.generate(Arrivals.poisson(1_000, 7)::nextNs)
                        .skip(5)
                        .findFirst()
                        .orElseThrow());
    }

    private static double mean(String lengths) {
        SplittableRandom random = new SplittableRandom(3);
        Lengths distribution = Lengths.parse(lengths, Lengths.MOST);
        return IntStream.range(0, COUNT)
                .map(i -> distribution.draw(random))
                .average()
                .orElseThrow();
    }

    @Test
    void lengthsFollowTheirDistributions() {
        assertEquals(128, mean("128"));
        assertEquals(136, mean("16-256"), 3);
        assertEquals(100, mean("exp:100"), 3);
        assertEquals(100, mean("normal:100,20"), 1);
        SplittableRandom random = new SplittableRandom(3);
        Lengths wide = Lengths.parse("normal:2,1000", Lengths.MOST);
        assertTrue(IntStream.range(0, COUNT).map(i -> wide.draw(random)).allMatch(n -> n >= 1 && n <= Lengths.MOST));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-5", "9-3", "exp:", "normal:5", "1e9", "99999999", "uniform"})
    void whatIsNoDistributionIsRefusedWithItsName(String text) {
        String why = assertThrows(IllegalArgumentException.class, () -> Lengths.parse(text, Lengths.MOST))
                .getMessage();
        assertTrue(why.startsWith("\"" + text + "\""), why);
    }
}
