package io.plumbline.node.network;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;

/** What a running role reports, one JSON object a line, so that people and programs read the same. */
public final class Events {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final PrintStream out;

    public Events(PrintStream out) {
        this.out = out;
    }

    /** Prints an event for each tenth of something that takes long, as it comes to it. */
    public DoubleConsumer tenths(String event, Consumer<ObjectNode> fields) {
        int[] told = {0};
        return share -> {
            int tenth = (int) (share * 10);
            if (tenth > told[0]) {
                told[0] = tenth;
                emit(event, json -> {
                    fields.accept(json);
                    json.put("percent", 10 * tenth);
                });
            }
        };
    }

    /** Prints one event; {@code fields} fills in what belongs to it. */
    public void emit(String event, Consumer<ObjectNode> fields) {
        ObjectNode json = MAPPER.createObjectNode();
        json.put("event", event);
        json.put("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        json.put("uptimeMs", ManagementFactory.getRuntimeMXBean().getUptime());
        fields.accept(json);
        synchronized (out) {
            out.println(Terminal.printable(json.toString()));
            out.flush();
        }
    }
}
