package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Server-sent events to one client. Those that are known together are written together, by one system call. */
final class EventStream {
    /** Bytes that are not held back for more. */
    private static final int MOST_HELD_BYTES = 64 << 10;

    private final OutputStream out;
    private final ByteArrayOutputStream held = new ByteArrayOutputStream();

    EventStream(OutputStream out) {
        this.out = out;
    }

    /**
     * Adds an event that has its name in its data too, as APIs newer than chat completions have them.
     *
     * @param json with the event's name as its "type".
     */
    void add(ObjectNode json) throws IOException {
        hold("event: " + json.path("type").asText() + "\ndata: " + json + "\n\n");
    }

    /** Adds an event without a name. */
    void add(String data) throws IOException {
        hold("data: " + data + "\n\n");
    }

    private void hold(String event) throws IOException {
        held.writeBytes(event.getBytes(StandardCharsets.UTF_8));
        if (held.size() >= MOST_HELD_BYTES) {
            flush();
        }
    }

    /** Writes the events that were added since the last call; waits while the client does not take them. */
    void flush() throws IOException {
        if (held.size() > 0) {
            held.writeTo(out);
            held.reset();
        }
    }

    /** An event to be. */
    static ObjectNode event(String type) {
        return Http.MAPPER.createObjectNode().put("type", type);
    }
}
