package io.plumbline.benchmarks.load;

import com.beust.jcommander.Parameter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.Commands;
import io.plumbline.benchmarks.Environment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Where the outcome of a load goes: a file of JSON with the whole histograms, a log of them for HdrHistogram's own
 * tools beside it, and lines for the reader. A run that says nothing of what was measured has FAIL in its file's name.
 */
public final class LoadResult {
    private static final String SCHEMA = "plumbline-load-1";
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final Set<String> NOT_SHOWN =
            Set.of("schema", "load", "commit", "date", "environment", "asked", "latencies", "faults", "why");

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    @Parameter(
            names = "--out",
            description = "FILE.json of the result, and FILE.hlog of its histograms; FILE.FAIL.json where the run"
                    + " failed. target/load/ and the time otherwise")
    private Path out;

    @Parameter(names = "--json", description = "print the result as JSON, and nothing else on standard output")
    private boolean json;

    /**
     * Writes and prints it.
     *
     * @param kind what was under load: "gateway".
     * @param command that does the same again.
     * @param measured counts and rates.
     * @param began milliseconds since the epoch.
     * @param faults why the run failed; empty where it did not.
     * @return the exit code: 0, or 1 where it failed.
     */
    public int finish(
            String kind, String command, ObjectNode measured, Latencies latencies, long began, List<String> faults)
            throws IOException {
        Instant now = Instant.now();
        Path named = out != null ? out : Path.of("target", "load", kind + "-" + TIME.format(now) + ".json");
        String stem = named.toString().replaceFirst("\\.json$", "") + (faults.isEmpty() ? "" : ".FAIL");
        Path file = Path.of(stem + ".json");
        ObjectNode result = MAPPER.createObjectNode().put("schema", SCHEMA).put("load", kind);
        result.put("verdict", faults.isEmpty() ? "GOOD" : "FAIL");
        faults.forEach(result.putArray("faults")::add);
        result.put("command", command).put("commit", BenchmarkResult.commit()).put("date", now.toString());
        result.set("environment", Environment.json());
        result.setAll(measured);
        result.set("latencies", latencies.json());
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.writeString(file, MAPPER.writeValueAsString(result) + "\n");
        latencies.writeLog(Path.of(stem + ".hlog"), began, now.toEpochMilli());
        if (json) {
            System.out.println(MAPPER.writeValueAsString(result));
        } else {
            print(result, file);
        }
        if (!faults.isEmpty()) {
            System.err.println(Commands.printable("plumbline load: FAIL: " + String.join("; ", faults) + "."));
        }
        return faults.isEmpty() ? 0 : 1;
    }

    private static void print(ObjectNode result, Path file) {
        System.out.printf("%-24s%10s%10s%10s%10s%10s%10s%n", "ms", "count", "p50", "p90", "p99", "p99.9", "max");
        result.path("latencies").properties().forEach(one -> {
            System.out.printf(
                    "%-24s%10d", one.getKey(), one.getValue().path("count").asLong());
            for (String percentile : List.of("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms")) {
                System.out.printf(
                        Locale.ROOT, "%10.4g", one.getValue().path(percentile).asDouble());
            }
            System.out.println();
        });
        result.properties().stream()
                .filter(one -> !NOT_SHOWN.contains(one.getKey()))
                .forEach(one -> print(one.getKey(), one.getValue()));
        System.out.printf("%-44s%s%n", "file", file);
    }

    private static void print(String name, JsonNode value) {
        if (value.isObject()) {
            value.properties().forEach(inner -> print(name + " " + inner.getKey(), inner.getValue()));
        } else {
            System.out.printf("%-44s%s%n", name, value.isTextual() ? Commands.printable(value.asText()) : value);
        }
    }
}
