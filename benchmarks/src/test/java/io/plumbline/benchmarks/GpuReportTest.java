package io.plumbline.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.engine.Accelerator.Rates;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run on a GPU keeps what it measured when part of it fails, and no share of a peak is believed too easily. */
class GpuReportTest {
    private static final long WEIGHTS = 1_000_000;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path folder;

    private GpuReport report;

    @BeforeEach
    void begin() {
        ModelConfig config = new ModelConfig(64, 2, 4, 2, 16, 128, 300, 256, 1e-6f, Rope.plain(10_000), false, false);
        report = new GpuReport(folder, MAPPER.createObjectNode(), List.of(1, 8), List.of(512), config, WEIGHTS);
    }

    private static TraceCost cost(double traced, double bare) {
        return new TraceCost(3, withTrace -> withTrace ? traced : bare);
    }

    private static Rates rates(double bytesPerSecond, double sheet) {
        return new Rates(bytesPerSecond, 1e12, 2e12, sheet, 2e12);
    }

    /** Columns of gpu-targets.tsv by the target's name. */
    private Map<String, String[]> targets() throws IOException {
        return Files.readAllLines(folder.resolve("gpu-targets.tsv")).stream()
                .map(line -> line.split("\t", -1))
                .collect(Collectors.toMap(columns -> columns[0], Function.identity()));
    }

    private String verdict(String target) throws IOException {
        return targets().get(target)[1];
    }

    private String why(String target) throws IOException {
        return targets().get(target)[5];
    }

    @Test
    void aPeerThatFailsTakesNoReadingAlong() throws IOException {
        report.ours("decode1", cost(100, 101));
        report.failed("peer", "python3 is not\nfound");
        JsonNode json = MAPPER.readTree(folder.resolve("gpu-speed.json").toFile());
        assertTrue(json.path("decode1").path("tokensPerS").asText().startsWith("100"), json.toString());
        assertEquals("PASS", verdict("trace in decode at batch 1"));
        assertEquals("NOT RUN", verdict("decode at batch 1 beside compiled PyTorch"));
        assertEquals("python3 is not found", why("decode at batch 1 beside compiled PyTorch"));
        assertEquals("the peaks were not measured", why("decode at batch 1, of measured memory bandwidth"));
        assertFalse(report.complete());
    }

    @Test
    void aCaseOfThePeersThatFailsCostsThatCaseAlone() throws IOException {
        report.ours("decode1", cost(100, 101));
        report.ours("decode8", cost(700, 701));
        report.theirs(MAPPER.readTree("{\"decode1\": [50, 51, 52], \"failed\": {\"decode8\": \"out of memory\"}}"));
        assertEquals("PASS", verdict("decode at batch 1 beside compiled PyTorch"));
        assertEquals("out of memory", why("decode at batch 8 beside compiled PyTorch"));
    }

    @Test
    void aCaseOfOursThatFailsIsNotRunAndSaysWhy() throws IOException {
        report.failed("prefill512", "the GPU stopped");
        report.ours("decode1", cost(100, 110));
        assertEquals("the GPU stopped", why("trace in prefill of 512"));
        assertEquals("FAIL", verdict("trace in decode at batch 1"));
        assertEquals("NOT RUN", verdict("decode at batch 8 beside compiled PyTorch"));
    }

    /** A peak that is measured too low would let any speed meet its target. */
    @Test
    void aShareAboveOneOrAPeakFarFromTheDataSheetFails() throws IOException {
        report.ours("decode1", cost(100, 100));
        String share = "decode at batch 1, of measured memory bandwidth";
        String sheet = "memory reads, of the data sheet";
        report.rates(rates(1.1e8, 1.2e8));
        assertEquals("PASS", verdict(share));
        assertEquals("PASS", verdict(sheet));
        report.rates(rates(0.9e8, 2e8));
        assertEquals("FAIL", verdict(share));
        assertEquals("FAIL", verdict(sheet));
        report.rates(rates(2e8, Double.NaN));
        assertEquals("FAIL", verdict(share));
        assertEquals("NOT RUN", verdict(sheet));
    }

    /** Our instruction may do less than the device: the denominator is the most that was seen, by us or by the peer. */
    @Test
    void theInt8PeakIsTheLargestThatWasMeasured() throws IOException {
        report.rates(rates(1e8, 1e8));
        assertEquals(2, report.details().path("int8PeakTOPS").asDouble());
        report.theirs(MAPPER.readTree("{\"int8OpsPerS\": 3e12}"));
        assertEquals(3, report.details().path("int8PeakTOPS").asDouble());
    }

    @Test
    void everyLineHasEveryColumn() throws IOException {
        report.withoutPeer("no PyTorch");
        List<String> lines = Files.readAllLines(folder.resolve("gpu-targets.tsv"));
        assertEquals(9, lines.size());
        assertTrue(
                lines.stream()
                        .allMatch(line -> Arrays.asList(line.split("\t", -1)).size() == 6),
                lines.toString());
    }
}
