package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.jmh.LayerProductsSuite;
import io.plumbline.benchmarks.jmh.MatrixKeySuite;
import io.plumbline.benchmarks.jmh.SuiteRun;
import io.plumbline.verifier.freivalds.MatrixKey;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Headlines freivalds: checking a token's products of one matrix without it, beside computing them again with the
 * fastest kernels; and freivalds-layer: those of a whole layer, beside the nearest published check of them.
 */
@Parameters(
        commandNames = "freivalds",
        commandDescription = "Checking products by Freivalds beside computing them again.")
final class FreivaldsBench implements Callable<Integer> {
    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws IOException {
        Map<String, Readings> readings = SuiteRun.run(MatrixKeySuite.class, Map.of("shape", "8B"));
        double bytes = (double) MatrixKeySuite.ROWS * MatrixKeySuite.COLUMNS;
        ObjectNode details = new ObjectMapper().createObjectNode();
        details.put("matrix", MatrixKeySuite.ROWS + " x " + MatrixKeySuite.COLUMNS);
        details.put("tokens", MatrixKeySuite.TOKENS).put("rounds", MatrixKey.ROUNDS);
        details.put("keyBytes", MatrixKey.bytes(MatrixKeySuite.ROWS, MatrixKeySuite.COLUMNS));
        details.put(
                "keyMadeGBs",
                readings.get("makeKey").map(us -> bytes / 1e3 / us).toString());
        new BenchmarkResult(
                        "freivalds",
                        readings.get("check"),
                        "us of one core a token and matrix",
                        true,
                        "the same products computed again in batches of 256, fastest kernels",
                        readings.get("again"),
                        null,
                        "./plumbline bench freivalds",
                        details)
                .write(results);
        Map<String, Readings> layer = SuiteRun.run(LayerProductsSuite.class, Map.of());
        new BenchmarkResult(
                        "freivalds-layer",
                        layer.get("ring"),
                        "us of one core a token: all products of an 8B layer, a false one missed by 2^-64",
                        true,
                        "in a prime field, scalar, missed by 2^-32, as CommitLLM publishes its check; on the same core",
                        layer.get("field"),
                        null,
                        "./plumbline bench freivalds",
                        null)
                .write(results);
        return 0;
    }
}
