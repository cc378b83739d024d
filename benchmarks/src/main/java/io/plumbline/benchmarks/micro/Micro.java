package io.plumbline.benchmarks.micro;

import io.plumbline.benchmarks.Readings;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs JMH benchmarks and hands over their readings. */
public final class Micro {
    private Micro() {}

    /** Readings of every benchmark in {@code type}, by its method's name and its parameters: "ours 1024". */
    public static Map<String, Readings> run(Class<?> type) {
        Collection<RunResult> results;
        try {
            results = new Runner(new OptionsBuilder()
                            .include(type.getName() + "\\.")
                            .shouldFailOnError(true)
                            .build())
                    .run();
        } catch (RunnerException e) {
            throw new IllegalStateException("JMH could not run " + type.getSimpleName() + ": " + e.getMessage(), e);
        }
        Map<String, Readings> samples = new LinkedHashMap<>();
        for (RunResult result : results) {
            double[] readings = result.getBenchmarkResults().stream()
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .mapToDouble(Micro::score)
                    .toArray();
            StringBuilder name = new StringBuilder(result.getPrimaryResult().getLabel());
            result.getParams()
                    .getParamsKeys()
                    .forEach(key -> name.append(' ').append(result.getParams().getParam(key)));
            samples.put(name.toString(), new Readings(readings));
        }
        return samples;
    }

    private static double score(IterationResult iteration) {
        return iteration.getPrimaryResult().getScore();
    }
}
