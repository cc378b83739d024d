package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.jmh.MatrixKeySuite;
import io.plumbline.benchmarks.jmh.SuiteRun;
import io.plumbline.verifier.freivalds.MatrixKey;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Headline freivalds: checking a token's products of one matrix without it, beside computing them again with the
 * fastest kernels.
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
        return 0;
    }
}
