package io.plumbline.node.network;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import java.util.function.IntFunction;

/** What a running role reports, one JSON object a line, so that people and programs read the same. */
public final class Events {
    /** A reader may be older than what it reads. */
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(DeserializationFeature.FAIL_ON_INVALID_SUBTYPE)
            .build();

    private final PrintStream out;
    private final Form form;
    private final Consumer<Event> observer;

    /**
     * How they are written, and which.
     *
     * @param role that each names; null for none.
     * @param least severity of those that are written.
     */
    public record Form(String role, LogFormat format, Severity least) {}

    public Events(PrintStream out) {
        this(out, new Form(null, LogFormat.JSON, Severity.DEBUG), event -> {});
    }

    /** @param observer hears each event too, written or not, on the thread that reports it. */
    public Events(PrintStream out, Form form, Consumer<Event> observer) {
        this.out = out;
        this.form = form;
        this.observer = observer;
    }

    /** The name that events of a kind have. */
    public static String name(Class<?> kind) {
        return EventNames.name(kind);
    }

    /**
     * Prints an event for each tenth of something that takes long, as it comes to it.
     *
     * @param event of a number of percent.
     */
    public DoubleConsumer tenths(IntFunction<Event> event) {
        int[] told = {0};
        return share -> {
            int tenth = (int) (share * 10);
            if (tenth > told[0]) {
                told[0] = tenth;
                emit(event.apply(10 * tenth));
            }
        };
    }

    /** Prints one event, with the time, its severity, the role, and how long this process has been running. */
    public void emit(Event event) {
        observer.accept(event);
        Severity severity = Severity.of(event);
        if (severity.compareTo(form.least()) < 0) {
            return;
        }
        ObjectNode json = MAPPER.createObjectNode();
        ObjectNode fields = MAPPER.valueToTree(event);
        json.set("event", fields.remove("event"));
        json.put("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        json.put("severity", severity.word());
        if (form.role() != null) {
            json.put("role", form.role());
        }
        json.put("uptimeMs", ManagementFactory.getRuntimeMXBean().getUptime());
        String line;
        if (form.format() == LogFormat.JSON) {
            json.setAll(fields);
            line = json.toString();
        } else {
            line = text(json, severity, fields);
        }
        synchronized (out) {
            out.println(Terminal.printable(line));
            out.flush();
        }
    }

    private String text(ObjectNode head, Severity severity, ObjectNode fields) {
        StringBuilder line = new StringBuilder(head.path("time").asText())
                .append(' ')
                .append(severity)
                .append(form.role() == null ? "" : " " + form.role())
                .append(' ')
                .append(head.path("event").asText());
        // A text in quotation marks, as JSON has it: where one ends another cannot be made to begin.
        fields.properties()
                .forEach(field ->
                        line.append(' ').append(field.getKey()).append('=').append(field.getValue()));
        return line.toString();
    }

    /**
     * What a role printed.
     *
     * @return null where it is of a kind that is not known here.
     * @throws IOException where the line is no event.
     */
    public static Event read(String line) throws IOException {
        try {
            return MAPPER.readValue(line, Event.class);
        } catch (JsonProcessingException e) {
            throw new IOException("No event: " + e.getOriginalMessage(), e);
        }
    }
}
