package io.plumbline.node.gateway.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class PythonCallsTest {
    private static List<PythonCalls.Call> read(String text) {
        return PythonCalls.read(text);
    }

    /** Half a character has no bytes: a stream would show another one than the text that was signed. */
    @Test
    void halfACharacterStaysAnEscape() {
        assertEquals(
                "{\"text\":\"\\ud800 \ud83d\ude00\"}",
                read("add(text='\\ud800 \\ud83d\\ude00')").getFirst().arguments());
    }

    /** Else the calls before one that cannot be told would be told both as calls and as text. */
    @Test
    void whatReadersOfJsonDoNotTakeIsNoCall() {
        assertEquals(2, read("now()\nadd(count=" + "1".repeat(1_000) + ")").size());
        assertTrue(read("now()\nadd(count=" + "1".repeat(1_001) + ")").isEmpty());
        assertTrue(read("now()\nadd(any={'" + "a".repeat(1_001) + "': 1})").isEmpty());
        assertTrue(read("now()\nadd(any={'\\udc00': 1})").isEmpty());
    }
}
