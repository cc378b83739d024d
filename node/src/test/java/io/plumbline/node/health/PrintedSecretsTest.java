package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.Main;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.Tenant;
import io.plumbline.node.tenant.TenantFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All that roles print, and show their operator, while they are used well and badly: no secret is in it. */
@Tag("slow")
class PrintedSecretsTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String SPOKEN = "xylophone-of-a-client";

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    private int ask(int port, String path, String key, String body) throws Exception {
        return http.send(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                .header("content-type", "application/json")
                                .header("authorization", "Bearer " + key)
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .statusCode();
    }

    private static String story(String more) {
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"" + SPOKEN + "\"}],\"max_tokens\":5" + more + "}";
    }

    private void use(int port, String apiKey, String wrongKey) throws Exception {
        assertEquals(200, ask(port, "/v1/chat/completions", apiKey, story("")));
        assertEquals(401, ask(port, "/v1/chat/completions", wrongKey, story("")));
        assertEquals(400, ask(port, "/v1/chat/completions", apiKey, story(",\"temperature\":\"" + SPOKEN + "\"")));
        assertEquals(400, ask(port, "/v1/chat/completions", apiKey, "{" + SPOKEN));
        assertEquals(404, ask(port, "/v1/" + SPOKEN + "?api_key=" + apiKey, apiKey, "{}"));
    }

    @Test
    void noSecretIsEverPrintedAndAllThatIsIsJson() throws Exception {
        Path keys = folder.resolve("keys.json");
        String apiKey = TenantFile.add(keys, "app", new Quota(0, 0, 0, 0), Tenant.NO_BUDGET, Set.of(), "2026-11-26");
        String wrongKey = apiKey.substring(0, apiKey.length() - 4) + "0000";
        List<String> secrets = new ArrayList<>(List.of(apiKey, wrongKey, SPOKEN));
        List<ChildRole> roles = new ArrayList<>();
        List<String> shown = new ArrayList<>();
        try (ChildNetwork network = new ChildNetwork(folder)) {
            for (String role : List.of("full-node", "inference-node", "gateway")) {
                secrets.add(Files.readString(folder.resolve(role + ".key")).strip());
            }
            roles.add(network.fullNode("--log-format", "json"));
            roles.add(network.node("device", "--log-format", "json"));
            ChildRole gateway = network.gateway("--log-format", "json", "--api-keys", keys.toString());
            roles.add(gateway);
            roles.get(1).awaitEvent("ready");
            gateway.awaitStatus(ChildNetwork.health(gateway), "/readyz", 200);
            use(ChildNetwork.api(gateway), apiKey, wrongKey);
            for (ChildRole role : roles) {
                for (String path : List.of("/metrics", "/readyz", "/healthz")) {
                    shown.add(role.get(ChildNetwork.health(role), path).body());
                }
            }
            try (ChildRole server = new ChildRole(
                    Main.class,
                    List.of(
                            "serve",
                            folder.resolve("stories").toString(),
                            "--dir",
                            folder.resolve("served").toString(),
                            "--port",
                            "0",
                            "--cache-mib",
                            "64",
                            "--api-keys",
                            keys.toString(),
                            "--log-format",
                            "json"))) {
                use(server.awaitEvent("ready").path("port").asInt(), apiKey, wrongKey);
                secrets.add(Files.readString(folder.resolve("served/serve.key")).strip());
                server.terminate();
                assertEquals(0, server.exitCode(), server.said());
                assertAllJson(server, "serve");
                shown.add(server.said());
            }
            List<String> names = List.of("full-node", "breakable-node", "gateway");
            for (int i = roles.size() - 1; i >= 0; i--) {
                ChildRole role = roles.get(i);
                role.terminate();
                assertEquals(0, role.exitCode(), role.said());
                assertAllJson(role, names.get(i));
                shown.add(role.said());
            }
        }
        for (String secret : secrets) {
            for (String text : shown) {
                assertFalse(text.contains(secret), () -> "a secret is in\n" + text);
            }
        }
    }

    private static void assertAllJson(ChildRole role, String name) throws Exception {
        for (String line : role.said().lines().toList()) {
            // The JVM itself prints before any of the program runs.
            if (line.startsWith("WARNING: Using incubator modules")) {
                continue;
            }
            assertTrue(line.startsWith("{"), line + " in\n" + role.said());
            JsonNode event = MAPPER.readTree(line);
            for (String field : List.of("event", "time", "severity", "role")) {
                assertNotNull(event.path(field).textValue(), field + " is missing in " + line);
            }
            if (!event.path("event").asText().equals("ready")) {
                assertEquals(name, event.path("role").asText(), line);
            }
        }
    }
}
