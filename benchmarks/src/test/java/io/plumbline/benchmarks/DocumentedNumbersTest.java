package io.plumbline.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Figures of the tables that set ours beside a peer's, and of rows of other tables that say so, stand in the result
 * files that their row names, in a comment at its end: {@code <!-- gpu-decode gpu-prefill -->}. A figure that none of
 * them holds fails.
 */
class DocumentedNumbersTest {
    private static final Path ROOT = Path.of("..");
    private static final String HEADER = "| | ours | peer | |";
    private static final Pattern MARKER = Pattern.compile("<!-- ([a-z0-9 -]+) -->");

    /** A number that is no part of a name or a version; thousands are parted by commas. */
    private static final Pattern SHOWN =
            Pattern.compile("(?<![\\w.,-])(\\d{1,3}(?:,\\d{3})+|\\d+)(\\.\\d+)?(?![\\w-]|[.,]\\d)");

    private static final Pattern WRITTEN = Pattern.compile("-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?");

    /** From a file's unit to the one that is shown: another prefix, or a share as percent. */
    private static final double[] FACTORS = {1, 1e3, 1e-3, 1e6, 1e-6, 1e9, 1e-9, 100};

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/benchmarks.md"})
    void everyFigureBesideAPeerIsOneOfItsFiles(String document) throws IOException {
        boolean inside = false;
        int rows = 0;
        List<String> wrong = new ArrayList<>();
        for (String line : Files.readAllLines(ROOT.resolve(document))) {
            inside = line.equals(HEADER) || inside && line.startsWith("|");
            if (!inside || line.equals(HEADER) || line.startsWith("| ---")) {
                continue;
            }
            rows++;
            Matcher marker = MARKER.matcher(line);
            if (!marker.find()) {
                wrong.add("names no result file: " + line);
                continue;
            }
            double[] held = held(marker.group(1).split(" "));
            for (String figure : figures(line)) {
                if (!isHeld(figure, held)) {
                    wrong.add(figure + " is not in " + marker.group(1) + ": " + line);
                }
            }
        }
        assertTrue(rows > 5, "the table of " + document + " was found");
        assertEquals(List.of(), wrong);
    }

    /** Rows of tables that set nothing beside a peer, where they name a file. */
    @ParameterizedTest
    @ValueSource(strings = "docs/operating.md")
    void everyFigureOfARowThatNamesFilesIsOneOfTheirs(String document) throws IOException {
        int rows = 0;
        List<String> wrong = new ArrayList<>();
        for (String line : Files.readAllLines(ROOT.resolve(document))) {
            Matcher marker = MARKER.matcher(line);
            if (!line.startsWith("|") || !marker.find()) {
                continue;
            }
            rows++;
            double[] held = held(marker.group(1).split(" "));
            for (String figure : figures(line)) {
                if (!isHeld(figure, held)) {
                    wrong.add(figure + " is not in " + marker.group(1) + ": " + line);
                }
            }
        }
        assertTrue(rows > 1, "rows of " + document + " that name files were found");
        assertEquals(List.of(), wrong);
    }

    @Test
    void aFigureIsHeldAsFarAsItIsShown() {
        double[] held = {41_990, 0.005746};
        for (String right : List.of("42,000", "41,990", "42", "5.7", "0.57")) {
            assertTrue(isHeld(right, held), right);
        }
        for (String wrong : List.of("41,000", "43", "5.8", "6.0")) {
            assertFalse(isHeld(wrong, held), wrong);
        }
        assertEquals(
                List.of("404", "1,690", "0.35"),
                figures("| shape of 8 | 404 tokens/s, Q8_0, 1,690 MB/s | b3sum 1.2.0, SHA-256 0.35 | |"));
    }

    /** Those of all columns but the first, which says what was measured. */
    private static List<String> figures(String row) {
        String columns = row.substring(row.indexOf('|', 1));
        return SHOWN.matcher(MARKER.matcher(columns).replaceAll(""))
                .results()
                .map(r -> r.group())
                .toList();
    }

    private static boolean isHeld(String figure, double[] held) {
        BigDecimal shown = new BigDecimal(figure.replace(",", ""));
        // The last digits of a whole number are zeros where it was rounded further.
        int scale = figure.contains(".")
                ? shown.scale()
                : shown.stripTrailingZeros().scale();
        double half = 0.5000001 * Math.pow(10, -scale);
        return Arrays.stream(held)
                .anyMatch(value -> Arrays.stream(FACTORS)
                        .anyMatch(factor -> Math.abs(value * factor - shown.doubleValue()) <= half));
    }

    private static double[] held(String[] names) throws IOException {
        List<Double> all = new ArrayList<>();
        for (String name : names) {
            JsonNode file = new ObjectMapper()
                    .readTree(
                            ROOT.resolve("benchmarks/results/" + name + ".json").toFile());
            for (String field : List.of("value", "peer", "ratio", "spread", "details")) {
                collect(file.path(field), all);
            }
        }
        return all.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private static void collect(JsonNode node, List<Double> into) {
        if (node.isNumber()) {
            into.add(node.doubleValue());
        } else if (node.isTextual()) {
            WRITTEN.matcher(node.textValue()).results().forEach(r -> into.add(Double.valueOf(r.group())));
        } else {
            node.forEach(child -> collect(child, into));
        }
    }
}
