package io.plumbline.node.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TerminalTest {
    /** A reason that takes its line away and paints another verdict. */
    private static final String PAINTED = "no\u001b[2K\rGOOD\n\u009b1A\u202etrap\u2028\u2029\ud800";

    private static final String PRINTED = "no?[2K?GOOD??1A?trap???";

    @Test
    void whatOthersSaidStaysOnItsLine() {
        assertEquals(PRINTED, Terminal.printable(PAINTED));
        assertEquals("GOOD     60 tokens — naïve 日本語 🙂", Terminal.printable("GOOD     60 tokens — naïve 日本語 🙂"));
    }

    @Test
    void eventsAreOneLineOfPlainTextEach() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new Events(new PrintStream(bytes, true, StandardCharsets.UTF_8))
                .emit(new Event.LeftOut("a".repeat(64), 5, PAINTED));
        String printed = bytes.toString(StandardCharsets.UTF_8).stripTrailing();
        assertEquals(printed, Terminal.printable(printed));
        assertEquals(1, printed.lines().count());
    }
}
