package io.plumbline.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;

class ReportTest {
    @TempDir
    Path temporary;

    private static final String MACHINE = "One, 2 processors";

    private static String json(String name, double value, double ratio, String spread, String machine) {
        return "{\"headline\":\"" + name + "\",\"value\":" + value
                + ",\"unit\":\"tokens/s\",\"peer\":{\"name\":\"a <b> & \\\"c\\\"\","
                + "\"value\":100},\"ratio\":" + ratio + ",\"spread\":\"" + spread + "\",\"machine\":\"" + machine
                + "\",\"commit\":\"abc\",\"date\":\"2026-11-26\",\"command\":\"./plumbline bench x\"}";
    }

    private static Headline headline(double value, double ratio, String spread, String machine) throws IOException {
        return Headline.parse(json("x", value, ratio, spread, machine), "here");
    }

    @Test
    void allThatIsMeasuredStandsOnAPageOfItsOwn() throws Exception {
        List<Headline> all = Headline.all(Path.of("results"));
        assertTrue(all.size() > 20, all.size() + " headlines");
        String page = ReportPage.of(
                all.stream()
                        .map(one -> new ReportPage.Entry(one, List.of(one, one)))
                        .toList(),
                Limits.beside(Path.of("results")));
        for (Headline one : all) {
            assertTrue(page.contains(">" + one.name() + "<"), one.name());
        }
        assertFalse(page.contains("src=") || page.contains("@import") || page.contains("url("), "nothing beside it");
        assertFalse(page.contains("<script"));
        Document read = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(
                        page.replace("<!DOCTYPE html>", "").getBytes(StandardCharsets.UTF_8)));
        assertEquals(all.size(), read.getElementsByTagName("article").getLength());
    }

    @Test
    void thePageOfLimitsIsThatOfTheResults() throws IOException {
        List<Headline> all = Headline.all(Path.of("results"));
        Limits limits = Limits.beside(Path.of("results"));
        for (Headline one : all) {
            assertFalse(limits.what(one).isEmpty(), one.name() + " has no limit in limits.json");
            limits.share(one).ifPresent(share -> assertTrue(share > 0 && share < 1.2, one.name() + ": " + share));
        }
        for (String name : limits.names()) {
            assertTrue(all.stream().anyMatch(one -> one.name().equals(name)), name + " is no headline");
        }
        assertEquals(
                PerformancePage.of(all, limits),
                Files.readString(Path.of("..", "docs", "performance.md")),
                "Make it again: ./plumbline bench report --performance docs/performance.md");
    }

    @Test
    void aLimitThatItsRunHasNotIsNamed() throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("results"));
        Files.writeString(temporary.resolve("limits.json"), "{\"x\": {\"limit\": \"memory\", \"share\": \"a/b\"}}");
        Limits limits = Limits.beside(folder);
        Headline without = headline(50, 0.5, "49 to 51", MACHINE);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> limits.share(without))
                .getMessage()
                .contains("x has no detail \"a/b\""));
        String more = json("x", 50, 0.5, "49 to 51", MACHINE);
        more = more.substring(0, more.length() - 1) + ",\"details\":{\"a\":{\"b\":\"0.5 (0.4 to 0.6)\"}}}";
        assertEquals(0.5, limits.share(Headline.parse(more, "here")).getAsDouble());
        Files.writeString(temporary.resolve("limits.json"), "{\"x\": {}}");
        assertThrows(IOException.class, () -> Limits.beside(folder));
    }

    @Test
    void namesAreText() throws IOException {
        Headline one = headline(50, 0.5, "49 to 51", MACHINE);
        String page = ReportPage.of(
                List.of(new ReportPage.Entry(one, List.of())), Limits.beside(Path.of("nowhere", "results")));
        assertTrue(page.contains("a &lt;b&gt; &amp; &quot;c&quot;"), page);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{}", "{\"headline\":1}", "{\"headline\":\"x\",\"value\":\"y\"}"})
    void whatIsNoResultIsRefused(String text) {
        String why = assertThrows(IOException.class, () -> Headline.parse(text, "some.json"))
                .getMessage();
        assertTrue(why.startsWith("some.json"), why);
    }

    @Test
    void aResultOfAnotherSchemaIsRefusedByItsName() {
        String why = assertThrows(
                        IOException.class, () -> Headline.parse("{\"schema\":\"plumbline-load-1\"}", "some.json"))
                .getMessage();
        assertTrue(why.startsWith("some.json is of schema plumbline-load-1, and this checkout reads"), why);
    }

    @Test
    void aResultSaysWhichWayIsBetter() throws IOException {
        assertFalse(headline(200, 2, "", MACHINE).isLessBetter());
        assertTrue(headline(50, 2, "", MACHINE).isLessBetter());
        assertTrue(headline(200, 0.5, "", MACHINE).isLessBetter());
        assertArrayEquals(
                new double[] {49.5, 1e3},
                headline(50, 2, "49.5 to 1e3 (peer 1 to 2)", MACHINE).range());
        assertArrayEquals(
                new double[] {50, 50}, headline(50, 2, "published", MACHINE).range());
    }
}
