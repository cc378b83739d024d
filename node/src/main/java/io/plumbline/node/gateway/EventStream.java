package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Server-sent events that have their names in their data too, as APIs newer than chat completions send them. */
final class EventStream {
    private final OutputStream out;

    EventStream(OutputStream out) {
        this.out = out;
    }

    /** @param json with the event's name as its "type". */
    void send(ObjectNode json) throws IOException {
        String event = "event: " + json.path("type").asText() + "\ndata: " + json + "\n\n";
        out.write(event.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    /** An event to be. */
    static ObjectNode event(String type) {
        return Http.MAPPER.createObjectNode().put("type", type);
    }
}
