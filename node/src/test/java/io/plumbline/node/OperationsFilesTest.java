package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.data.DealMetrics;
import io.plumbline.node.data.StoreMetrics;
import io.plumbline.node.full.FullNodeMetrics;
import io.plumbline.node.gateway.ApiMetrics;
import io.plumbline.node.inference.InferenceNodeMetrics;
import io.plumbline.node.inference.LanguageMetrics;
import io.plumbline.node.inference.TensorMetrics;
import io.plumbline.node.metrics.DiskMetrics;
import io.plumbline.node.metrics.GpuColumns;
import io.plumbline.node.metrics.MediaMetrics;
import io.plumbline.node.metrics.RoleMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Files under ops/ and the roles' declarations name the same metrics. */
class OperationsFilesTest {
    private static final Path ALERTS = Path.of("../ops/prometheus/alerts.yml");
    private static final Path BOARD = Path.of("../ops/grafana/plumbline.json");
    private static final Pattern METRIC = Pattern.compile("\\b(?:plumbline|jvm|process|system)_[a-z0-9_]+");

    /** Of all roles, as Prometheus reads them. */
    private static String scraped() {
        try (RoleMetrics all = new RoleMetrics()) {
            new LanguageMetrics(all.registry(), "model", null);
            new TensorMetrics(all.registry(), "model", null);
            InferenceNodeMetrics.declare(all.registry(), null);
            FullNodeMetrics.declare(all.registry(), null);
            new ApiMetrics(all.registry(), null);
            new StoreMetrics(null).bindTo(all.registry());
            new DealMetrics(null).bindTo(all.registry());
            new MediaMetrics(null, null).bindTo(all.registry());
            new DiskMetrics(null).bindTo(all.registry());
            // The collector's pauses are a metric from the first one on.
            System.gc();
            return all.scrape();
        }
    }

    private static Set<String> declared() {
        Set<String> names = new TreeSet<>(GpuColumns.NAMES);
        Matcher help =
                Pattern.compile("^# TYPE (\\S+) (\\S+)$", Pattern.MULTILINE).matcher(scraped());
        while (help.find()) {
            names.add(help.group(1));
            if (help.group(2).matches("histogram|summary")) {
                List.of("_bucket", "_count", "_sum").forEach(part -> names.add(help.group(1) + part));
            }
        }
        // By the collector's listener, from its first pause on.
        List.of("", "_count", "_sum", "_max").forEach(part -> names.add("jvm_gc_pause_seconds" + part));
        return names;
    }

    private static Set<String> named(List<String> expressions) {
        return expressions.stream()
                .flatMap(expression -> METRIC.matcher(expression).results())
                .map(found -> found.group())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static void assertDeclared(List<String> expressions) {
        assertFalse(expressions.isEmpty());
        Set<String> unknown = named(expressions);
        assertFalse(unknown.isEmpty());
        unknown.removeAll(declared());
        assertEquals(Set.of(), unknown);
    }

    @Test
    void alertsNameMetricsThatThereAre() throws IOException {
        assertDeclared(Files.readAllLines(ALERTS).stream()
                .filter(line -> line.strip().startsWith("expr:"))
                .toList());
    }

    @Test
    void everyAlertSaysWhatItIsAndWhatToDo() throws IOException {
        String[] alerts = Files.readString(ALERTS).split("- alert: ");
        assertTrue(alerts.length > 10);
        for (int i = 1; i < alerts.length; i++) {
            for (String part : List.of("expr: ", "summary: \"", "action: \"", "severity: ")) {
                assertTrue(
                        alerts[i].contains(part), alerts[i].lines().findFirst().orElse("") + " has no " + part);
            }
        }
    }

    @Test
    void theBoardNamesMetricsThatThereAre() throws IOException {
        List<String> expressions = new ArrayList<>();
        JsonNode board = new ObjectMapper().readTree(Files.readAllBytes(BOARD));
        for (JsonNode panel : board.path("panels")) {
            for (JsonNode target : panel.path("targets")) {
                expressions.add(target.path("expr").asText());
            }
        }
        board.path("templating")
                .path("list")
                .forEach(one -> expressions.add(one.path("query").toString()));
        assertDeclared(expressions);
    }

    @Test
    void everyMetricHasAHelpText() {
        String scraped = scraped();
        Matcher type =
                Pattern.compile("^# TYPE (\\S+) \\S+$", Pattern.MULTILINE).matcher(scraped);
        List<String> without = new ArrayList<>();
        while (type.find()) {
            if (!Pattern.compile("^# HELP " + type.group(1) + " \\S.*$", Pattern.MULTILINE)
                    .matcher(scraped)
                    .find()) {
                without.add(type.group(1));
            }
        }
        assertEquals(List.of(), without);
    }

    /** The operator's page lists Plumbline's own. */
    @Test
    void theOperatorsPageHasEveryMetric() throws IOException {
        String page = Files.readString(Path.of("../docs/operating.md"));
        Matcher own = Pattern.compile("^# TYPE (plumbline_\\S+) \\S+$", Pattern.MULTILINE)
                .matcher(scraped());
        List<String> missing = new ArrayList<>(GpuColumns.NAMES);
        while (own.find()) {
            missing.add(own.group(1));
        }
        missing.removeIf(name -> name.endsWith("_max") || page.contains("`" + name + "`"));
        assertEquals(List.of(), missing);
    }
}
