package io.plumbline.node.health;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpRoutes;
import java.io.IOException;
import java.util.function.Supplier;

/** Routes that programs ask whether a process is alive and ready: {@code /healthz} and {@code /readyz}. */
public final class HealthRoutes {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private HealthRoutes() {}

    /**
     * Adds them.
     *
     * @param notReady as {@link RunningRole#notReady}.
     */
    public static void addTo(HttpRoutes routes, Supplier<String> notReady) {
        // A process that cannot go on ends: one that answers is alive.
        routes.probe(
                        "/healthz",
                        http -> send(http, 200, MAPPER.createObjectNode().put("status", "ok")))
                .probe("/readyz", http -> ready(http, notReady.get()));
    }

    private static void ready(HttpExchange http, String notReady) throws IOException {
        ObjectNode json = MAPPER.createObjectNode();
        if (notReady == null) {
            send(http, 200, json.put("status", "ready"));
        } else {
            send(http, 503, json.put("status", "not ready").put("reason", notReady));
        }
    }

    private static void send(HttpExchange http, int status, ObjectNode json) throws IOException {
        http.responseHeader("Content-Type", "application/json");
        http.responseHeader("Cache-Control", "no-store");
        http.send(status, MAPPER.writeValueAsBytes(json));
    }
}
