package io.plumbline.data.feed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.data.feed.SourceValue.NoValueException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourceValueTest {
    private static SourcePolicy policy(String format, String path, String row) {
        String text = "{\"plumbline\":\"source 1\",\"url\":\"https://example.org/x\",\"format\":\"" + format
                + "\",\"path\":\"" + path.replace("\"", "\\\"") + "\""
                + (row == null ? "" : ",\"row\":\"" + row + "\"") + "}";
        return SourcePolicy.parse(text.getBytes(StandardCharsets.UTF_8));
    }

    private static long read(SourcePolicy policy, String body, int decimals) throws NoValueException {
        return SourceValue.read(policy, body.getBytes(StandardCharsets.UTF_8), decimals);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "$.level|{\"level\":1.25}|125",
                "$['water level'].cm|{\"water level\":{\"cm\":\"7.255\"}}|726",
                "$[1]|[1,2,3]|200",
                "$[-1].v|[{\"v\":1},{\"v\":-0.005}]|0",
                "$.a.b[0]|{\"a\":{\"b\":[1e3]}}|100000",
                "$|17|1700",
                "$.big|{\"big\":92233720368547758.07}|9223372036854775807"
            })
    void aNumberIsReadAsItIsWrittenWhereverItStandsInJson(String path, String body, long expected)
            throws NoValueException {
        assertEquals(expected, read(policy("json", path, null), body, 2));
    }

    @Test
    void linesAndItemsAreReadByTheirNames() throws NoValueException {
        String csv = "time,\"level, m\"\r\n10:00,\"1.5\"\r\n11:00,1.75\r\n\r\n";
        assertEquals(150, read(policy("csv", "level, m", "first"), csv, 2));
        assertEquals(175, read(policy("csv", "level, m", null), csv, 2));
        String rss = "<?xml version='1.0'?><rss><channel><title>9</title><item><level> 3.5 </level></item>"
                + "<item><level>4.5</level></item></channel></rss>";
        assertEquals(35, read(policy("rss", "level", "first"), rss, 1));
        assertEquals(45, read(policy("rss", "level", "last"), rss, 1));
    }

    @Test
    void whatHasChangedItsFormHasNoValue() {
        SourcePolicy json = policy("json", "$.level", null);
        for (String body : List.of(
                "",
                "{}",
                "{\"level\":null}",
                "{\"level\":{}}",
                "{\"level\":true}",
                "{\"level\":\"high\"}",
                "{\"level\":\"1,5\"}",
                "{\"level\":NaN}",
                "{\"level\":1,\"level\":2}",
                "{\"level\":1} x",
                "{\"level\":1e999}",
                "{\"level\":" + "9".repeat(30) + "}",
                "{\"level\":" + "9".repeat(300_000) + "}",
                "[".repeat(100_000),
                "<html>sorry</html>")) {
            assertThrows(
                    NoValueException.class, () -> read(json, body, 2), body.substring(0, Math.min(40, body.length())));
        }
        assertThrows(NoValueException.class, () -> SourceValue.read(json, new byte[] {(byte) 0xFF}, 2), "no UTF-8");
        for (String body : List.of("", "time\n1", "level\n", "level\nx", "level\n\"1")) {
            String unclosed = body.endsWith("\"1") ? body + "\n2" : body;
            assertThrows(NoValueException.class, () -> read(policy("csv", "level", null), unclosed, 2), body);
        }
        for (String body : List.of(
                "",
                "<rss>",
                "<rss><item><x>1</x></item></rss>",
                "<level>1</level>",
                "<rss><item><level><b>1</b></level></item></rss>",
                "<!DOCTYPE r [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><rss><item><level>&e;</level></item></rss>",
                "<!DOCTYPE r [<!ENTITY a '1'><!ENTITY b '&a;&a;'>]><rss><item><level>&b;</level></item></rss>")) {
            assertThrows(NoValueException.class, () -> read(policy("rss", "level", null), body, 2), body);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "[]",
                "{}",
                "{\"plumbline\":\"source 2\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"file:///etc/passwd\",\"format\":\"json\",\"path\":\"$\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://u:p@h/\",\"format\":\"json\",\"path\":\"$\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http:///x\",\"format\":\"json\",\"path\":\"$\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/ x\",\"format\":\"json\",\"path\":\"$\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"xml\",\"path\":\"$\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"$..a\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"$[*]\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"$[?@.a]\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"a\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"$\",\"row\":\"last\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"csv\",\"path\":\"a\",\"row\":\"2\"}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"format\":\"json\",\"path\":\"$\",\"x\":1}",
                "{\"plumbline\":\"source 1\",\"url\":\"http://h/\",\"url\":\"http://i/\",\"format\":\"json\",\"path\":\"$\"}"
            })
    void whatIsNoPolicyIsRefused(String text) {
        assertThrows(
                IllegalArgumentException.class, () -> SourcePolicy.parse(text.getBytes(StandardCharsets.UTF_8)), text);
    }
}
