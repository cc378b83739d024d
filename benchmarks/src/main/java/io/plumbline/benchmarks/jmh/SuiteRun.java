package io.plumbline.benchmarks.jmh;

import io.plumbline.benchmarks.Readings;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs JMH benchmarks and hands over their readings. */
public final class SuiteRun {
    private SuiteRun() {}

    /**
     * Readings of every benchmark in {@code type}, in one fork, by its method's name and its parameters: "ours 1024".
     *
     * @param fixed parameters by name, that have this value alone; they are not in the names.
     */
    public static Map<String, Readings> run(Class<? extends Suite> type, Map<String, String> fixed) {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(type.getName() + "\\.")
                .exclude("\\.empty$")
                .forks(1)
                .shouldFailOnError(true);
        fixed.forEach(options::param);
        Collection<RunResult> results;
        try {
            results = new Runner(options.build()).run();
        } catch (RunnerException e) {
            throw new IllegalStateException("JMH could not run " + type.getSimpleName() + ": " + e.getMessage(), e);
        }
        Map<String, Readings> samples = new LinkedHashMap<>();
        for (RunResult result : results) {
            double[] readings = result.getBenchmarkResults().stream()
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .mapToDouble(SuiteRun::score)
                    .toArray();
            StringBuilder name = new StringBuilder(result.getPrimaryResult().getLabel());
            result.getParams().getParamsKeys().stream()
                    .filter(key -> !fixed.containsKey(key))
                    .forEach(key -> name.append(' ').append(result.getParams().getParam(key)));
            samples.put(name.toString(), new Readings(readings));
        }
        return samples;
    }

    private static double score(IterationResult iteration) {
        return iteration.getPrimaryResult().getScore();
    }
}
