package io.plumbline.node.network;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Has each line that is printed reported as an event: what libraries and the JDK print is no JSON by itself. */
public final class PrintedLines extends OutputStream {
    /** A longer line is reported in parts. */
    private static final int MAX_BYTES = 8 << 10;

    private final Consumer<Event> events;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    public PrintedLines(Consumer<Event> events) {
        this.events = events;
    }

    @Override
    public synchronized void write(int b) {
        if (b == '\n' || line.size() == MAX_BYTES) {
            String text = line.toString(StandardCharsets.UTF_8).stripTrailing();
            line.reset();
            if (!text.isEmpty()) {
                events.accept(new Event.Printed(text));
            }
        }
        if (b != '\n') {
            line.write(b);
        }
    }
}
