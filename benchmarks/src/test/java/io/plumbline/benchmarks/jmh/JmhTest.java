package io.plumbline.benchmarks.jmh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** That all suites run, and not how fast. */
class JmhTest {
    private static final Set<Class<? extends Suite>> SUITES = Set.of(
            Blake3Suite.class,
            EncodingSuite.class,
            KernelSuite.class,
            LayerAuditSuite.class,
            LayerProductsSuite.class,
            LedgerSuite.class,
            MatrixKeySuite.class,
            NumericsSuite.class,
            SamplingSuite.class,
            SessionSuite.class,
            SignatureSuite.class,
            SliceSuite.class,
            StateTreeSuite.class,
            TensorSuite.class,
            TokenizerSuite.class,
            WireSuite.class);

    /** Small, and the form that every host has. */
    private static final Map<String, String> SMALL = Map.ofEntries(
            Map.entry("form", "scalar"),
            Map.entry("shape", "small"),
            Map.entry("width", "512"),
            Map.entry("bytes", "1024"),
            Map.entry("messageBytes", "100000"),
            Map.entry("vocab", "1000"),
            Map.entry("entries", "1000"),
            Map.entry("context", "64"),
            Map.entry("batch", "128"),
            Map.entry("sequence", "24"));

    private static ChainedOptionsBuilder once() {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("io.plumbline.benchmarks.jmh")
                .forks(0)
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(1))
                .shouldFailOnError(true);
        SMALL.forEach(options::param);
        return options;
    }

    @Test
    void everySuiteRuns() throws RunnerException {
        Collection<RunResult> results = new Runner(once().build()).run();
        Set<String> ran = results.stream()
                .map(result -> result.getParams().getBenchmark())
                .map(name -> name.replaceAll(".*\\.(\\w+\\.\\w+)$", "$1"))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> declared = SUITES.stream()
                .flatMap(suite -> Arrays.stream(suite.getMethods())
                        .filter(method -> method.isAnnotationPresent(Benchmark.class))
                        .map(method -> suite.getSimpleName() + "." + method.getName()))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(declared, ran);
        assertTrue(results.stream().allMatch(result -> result.getPrimaryResult().getScore() >= 0));
    }

    @Test
    void aFormThatThisHostHasNotIsNamedWithThoseThatItHas() {
        String why = assertThrows(IllegalArgumentException.class, () -> Forms.backend("avx1024"))
                .getMessage();
        assertTrue(why.contains("scalar"), why);
        assertThrows(
                RunnerException.class,
                () -> new Runner(once().include("KernelSuite")
                                .exclude(
                                        "Blake3|Enc|Layer|Ledger|Matrix|Num|Samp|Session|Sign|Slice|State|Tensor|Token|Wire")
                                .param("form", "avx1024")
                                .build())
                        .run());
    }

    @Test
    void theFlightRecorderStandsInForAProfilerThatIsNotThere() {
        String[] asked = {"Blake3", "-prof", "async", "-f", "1"};
        assertArrayEquals(new String[] {"Blake3", "-prof", "jfr", "-f", "1"}, Jmh.withProfiler(asked, Map.of()));
        assertEquals(
                "async:libPath=/lib/a.so;output=flamegraph",
                Jmh.withProfiler(asked, Map.of("ASYNC_PROFILER", "/lib/a.so"))[2]);
        assertArrayEquals(new String[] {"-prof"}, Jmh.withProfiler(new String[] {"-prof"}, Map.of()));
    }
}
