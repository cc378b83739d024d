package io.plumbline.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.report.Headline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Locale;

/**
 * One result file: what was measured, beside which peer, where, and how to measure it again.
 *
 * @param name of the headline and its file.
 * @param value ours.
 * @param peer theirs; the ratio is ours over theirs, or theirs over ours where less is better.
 * @param device beside the processor that it was measured on, or null.
 * @param details more that was measured in the same run, or null.
 */
public record BenchmarkResult(
        String name,
        Readings value,
        String unit,
        boolean lessIsBetter,
        String peerName,
        Readings peer,
        String device,
        String command,
        ObjectNode details) {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /** Writes {@code folder/name.json} and prints a line. */
    public void write(Path folder) throws IOException {
        double ratio = lessIsBetter ? peer.median() / value.median() : value.median() / peer.median();
        ObjectNode json = MAPPER.createObjectNode();
        json.put("schema", Headline.SCHEMA);
        json.put("headline", name).put("value", rounded(value.median())).put("unit", unit);
        json.putObject("peer").put("name", peerName).put("value", rounded(peer.median()));
        json.put("ratio", rounded(ratio));
        json.put("spread", value.spread() + " (peer " + peer.spread() + ")");
        ObjectNode readings = json.putObject("readings");
        ArrayNode ours = readings.putArray("ours");
        value.forEach(reading -> ours.add(rounded(reading)));
        ArrayNode theirs = readings.putArray("peer");
        peer.forEach(reading -> theirs.add(rounded(reading)));
        json.put("machine", device == null ? machine() : device + "; " + machine());
        json.put("commit", commit());
        json.put("date", LocalDate.now(ZoneOffset.UTC).toString());
        json.put("command", command);
        json.set("environment", Environment.json());
        if (details != null) {
            json.set("details", details);
        }
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(name + ".json"), MAPPER.writeValueAsString(json) + "\n");
        System.out.printf(Locale.ROOT, "%-16s %s %s; %s %s: %.2f times%n", name, value, unit, peerName, peer, ratio);
    }

    /** To four digits. */
    public static double rounded(double value) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.4g", value));
    }

    private static String machine() throws IOException {
        return Environment.processor() + ", " + Runtime.getRuntime().availableProcessors() + " processors, "
                + System.getProperty("os.name") + ", Java " + Runtime.version().feature();
    }

    /** The commit that measures. Where the sources travel without their history, PLUMBLINE_COMMIT names it. */
    public static String commit() throws IOException {
        String given = System.getenv("PLUMBLINE_COMMIT");
        return given != null ? given : run("git", "rev-parse", "--short=12", "HEAD");
    }

    private static String run(String... command) throws IOException {
        Process process = new ProcessBuilder(command)
                .directory(Path.of(System.getProperty("plumbline.home", ""))
                        .toAbsolutePath()
                        .toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        return out.isEmpty() ? "unknown" : out;
    }
}
