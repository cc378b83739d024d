package io.plumbline.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;

class ReportTest {
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
        String page = ReportPage.of(all.stream()
                .map(one -> new ReportPage.Entry(one, List.of(one, one)))
                .toList());
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
    void namesAreText() throws IOException {
        Headline one = headline(50, 0.5, "49 to 51", MACHINE);
        String page = ReportPage.of(List.of(new ReportPage.Entry(one, List.of())));
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
