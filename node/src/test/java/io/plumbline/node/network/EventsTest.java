package io.plumbline.node.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.audit.Level;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EventsTest {
    /** One of each kind, with all of its fields and with those alone that are never null. */
    static Stream<Event> all() {
        return Arrays.stream(Event.class.getPermittedSubclasses())
                .flatMap(type -> Stream.of((Event) filled(type, true), (Event) filled(type, false)));
    }

    private static Object filled(Class<?> type, boolean isWhole) {
        try {
            RecordComponent[] parts = type.getRecordComponents();
            Class<?>[] types =
                    Arrays.stream(parts).map(RecordComponent::getType).toArray(Class<?>[]::new);
            Object[] values =
                    Arrays.stream(types).map(part -> value(part, isWhole)).toArray();
            var constructor = type.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(type + " is no record", e);
        }
    }

    private static Object value(Class<?> type, boolean isWhole) {
        if (type == int.class) {
            return 7;
        } else if (type == long.class) {
            return 1L << 40;
        } else if (type == double.class) {
            return 0.25;
        } else if (type == boolean.class) {
            return true;
        } else if (!isWhole) {
            return null;
        } else if (type == String.class) {
            return "naïve \"text\"";
        } else if (type == Integer.class) {
            return 9100;
        } else if (type == Long.class) {
            return 3L;
        } else if (type == Level.class) {
            return Level.FULL;
        } else if (type == List.class) {
            return List.of("localhost:1", "localhost:2");
        }
        return filled(type, true);
    }

    private static String printed(Event event) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new Events(new PrintStream(bytes, true, StandardCharsets.UTF_8)).emit(event);
        return bytes.toString(StandardCharsets.UTF_8).strip();
    }

    @ParameterizedTest
    @MethodSource("all")
    void everyEventIsReadAsItWasReported(Event event) throws IOException {
        String line = printed(event);
        assertTrue(line.contains("\"time\":\"2") && line.contains("\"uptimeMs\":"), line);
        assertEquals(event, Events.read(line));
    }

    private static String printed(Event event, LogFormat format, Severity least) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        new Events(out, new Events.Form("gateway", format, least), any -> {}).emit(event);
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aLineNamesSeverityAndRoleAndWhatIsLessIsLeftOut() {
        Event error = new Event.Error("the disk is full");
        String json = printed(error, LogFormat.JSON, Severity.ERROR);
        assertTrue(json.contains("\"severity\":\"error\",\"role\":\"gateway\""), json);
        assertEquals("", printed(new Event.Joined(), LogFormat.JSON, Severity.WARN));
        assertEquals("", printed(new Event.Verifying(10), LogFormat.TEXT, Severity.INFO));
    }

    @Test
    void aPersonsLineIsOneLineWhateverItSays() {
        String text = printed(new Event.Error("one\ntwo \" event=ready"), LogFormat.TEXT, Severity.DEBUG);
        assertEquals(1, text.lines().count());
        assertTrue(text.endsWith("Z ERROR gateway error message=\"one\\ntwo \\\" event=ready\"\n".substring(1)), text);
    }

    @Test
    void whatLibrariesPrintBecomesEvents() throws IOException {
        List<Event> heard = new java.util.ArrayList<>();
        try (PrintStream err = new PrintStream(new PrintedLines(heard::add), true, StandardCharsets.UTF_8)) {
            err.println("WARNING: naïve");
            err.print("half");
            err.println(" a line");
            err.println();
        }
        assertEquals(List.of(new Event.Printed("WARNING: naïve"), new Event.Printed("half a line")), heard);
    }

    @Test
    void operatorsAreToldOfEveryEvent() throws IOException {
        String operating = Files.readString(Path.of("../docs/operating.md"));
        for (Class<?> type : Event.class.getPermittedSubclasses()) {
            String name = EventNames.name(type);
            assertTrue(operating.contains("`" + name + "`"), "docs/operating.md does not say what " + name + " means");
        }
    }

    @Test
    void eventsOfNewerRolesAreLeftAlone() throws IOException {
        assertNull(Events.read("{\"event\":\"thought-up-later\",\"field\":1}"));
        Event known = new Event.Joined();
        assertEquals(known, Events.read("{\"event\":\"joined\",\"thoughtUpLater\":1}"));
        assertThrows(IOException.class, () -> Events.read("{\"event\":\"joined\""));
    }
}
