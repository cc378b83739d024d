package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;

/** A message put together from the deltas of a stream. */
final class StreamedMessage {
    private final StringBuilder content = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final Map<Integer, Call> calls = new TreeMap<>();

    /** A call of a function, whose arguments come in parts. */
    private static final class Call {
        private String id = "";
        private String name = "";
        private final StringBuilder arguments = new StringBuilder();
    }

    /** Adds a delta; the text in it, empty where it has none. */
    String add(JsonNode delta) {
        for (JsonNode part : delta.path("tool_calls")) {
            Call call = calls.computeIfAbsent(part.path("index").asInt(), index -> new Call());
            call.id += part.path("id").asText("");
            call.name += part.path("function").path("name").asText("");
            call.arguments.append(part.path("function").path("arguments").asText(""));
        }
        reasoning.append(delta.path("reasoning_content").asText(""));
        String text = delta.path("content").asText("");
        content.append(text);
        return text;
    }

    /** All of it, as an answer that does not come in a stream has it. */
    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("role", "assistant");
        json.put("content", content.toString());
        if (!reasoning.isEmpty()) {
            json.put("reasoning_content", reasoning.toString());
        }
        if (!calls.isEmpty()) {
            ArrayNode array = json.putArray("tool_calls");
            calls.values()
                    .forEach(call -> array.addObject()
                            .put("id", call.id)
                            .put("type", "function")
                            .putObject("function")
                            .put("name", call.name)
                            .put("arguments", call.arguments.toString()));
        }
        return json;
    }
}
