package io.plumbline.benchmarks.report;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A result file as {@code BenchmarkResult} writes it.
 *
 * @param value ours, in {@code unit}.
 * @param peer null where there is none.
 * @param ratio ours over the peer's, turned so that above 1 is better.
 * @param spread least and most of the readings, as text.
 * @param readings ours, smallest first; empty in files of before they were kept.
 */
public record Headline(
        String name,
        double value,
        String unit,
        String peer,
        double peerValue,
        double ratio,
        String spread,
        String machine,
        String commit,
        String date,
        String command,
        double[] readings,
        JsonNode details) {
    /** Name of the detail that says, in hex, which trace root the measured run computed. */
    public static final String TRACE_ROOT = "traceRoot";

    /** Of result files: the names and meanings of their fields. Files of before it was written have none. */
    public static final String SCHEMA = "plumbline-bench-1";

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Pattern RANGE = Pattern.compile("^([-+.0-9eE]+) to ([-+.0-9eE]+)");

    /** All of a folder, by name. */
    public static List<Headline> all(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(folder + " is no folder of results. ./plumbline bench NAME writes some.");
        }
        List<Path> files;
        try (Stream<Path> found = Files.list(folder)) {
            files = found.filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .toList();
        }
        List<Headline> all = new ArrayList<>();
        for (Path file : files) {
            all.add(parse(Files.readString(file), file.toString()));
        }
        if (all.isEmpty()) {
            throw new IOException(folder + " holds no results. ./plumbline bench NAME writes some.");
        }
        return all;
    }

    /**
     * Reads one.
     *
     * @param origin for errors.
     * @throws IOException naming the field that is missing or of another kind.
     */
    public static Headline parse(String text, String origin) throws IOException {
        JsonNode json;
        try {
            json = MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new IOException(origin + " is not JSON: " + e.getOriginalMessage(), e);
        }
        String schema = json.path("schema").asText(SCHEMA);
        if (!schema.equals(SCHEMA)) {
            throw new IOException(origin + " is of schema " + schema + ", and this checkout reads " + SCHEMA
                    + ". Use the checkout that wrote it, or measure again.");
        }
        JsonNode peer = json.path("peer");
        return new Headline(
                text(json, "headline", origin),
                number(json, "value", origin),
                text(json, "unit", origin),
                text(peer, "name", origin + ", peer"),
                number(peer, "value", origin + ", peer"),
                number(json, "ratio", origin),
                text(json, "spread", origin),
                text(json, "machine", origin),
                text(json, "commit", origin),
                text(json, "date", origin),
                text(json, "command", origin),
                readings(json),
                json.path("details"));
    }

    private static double[] readings(JsonNode json) {
        return StreamSupport.stream(json.path("readings").path("ours").spliterator(), false)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
    }

    private static String text(JsonNode json, String field, String origin) throws IOException {
        if (!json.path(field).isTextual()) {
            throw new IOException(origin + " is no result: its field \"" + field + "\" is no text. Measure it again.");
        }
        return json.get(field).asText();
    }

    private static double number(JsonNode json, String field, String origin) throws IOException {
        if (!json.path(field).isNumber()) {
            throw new IOException(
                    origin + " is no result: its field \"" + field + "\" is no number. Measure it again.");
        }
        return json.get(field).asDouble();
    }

    /** Whether a smaller value is a better one: the ratio is turned then. */
    public boolean isLessBetter() {
        double straight = value / peerValue;
        return Math.abs(Math.log(straight / ratio)) > Math.abs(Math.log(1 / straight / ratio));
    }

    /** Trace root that the measured run computed, in hex; empty where it computed none. */
    public String traceRoot() {
        return details.path(TRACE_ROOT).asText();
    }

    /** Least and most of our readings; the value twice where the spread says neither. */
    public double[] range() {
        Matcher range = RANGE.matcher(spread);
        return range.find()
                ? new double[] {Double.parseDouble(range.group(1)), Double.parseDouble(range.group(2))}
                : new double[] {value, value};
    }
}
