package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.transport.Ports;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever follows docs/operating.md has an answer at the end: its commands are run as they stand there. */
@Tag("slow")
class OperatingStepsTest {
    private static final Path CHECKPOINT =
            Path.of("..", "models", "plumbline-stories-2m").toAbsolutePath();
    private static final int FULL_NODES = 4;

    @TempDir
    Path folder;

    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, String> keys = new HashMap<>();

    @Test
    void itsCommandsLeadFromNothingToAnAnswer() throws Exception {
        try (OperatingHost host = new OperatingHost(folder, "localhost", List.of())) {
            lead(host);
        }
    }

    private void lead(OperatingHost host) throws Exception {
        for (String name : List.of("bank", "node", "gateway")) {
            keys.put(name, host.run(host.step("new-key " + name + ".key")));
        }
        String network = host.step("new-network");
        int first = Ports.free(FULL_NODES * 6);
        for (int i = 0; i < FULL_NODES; i++) {
            String key = host.run(host.step("new-key full.key").replace("full.key", "full" + i + ".key"));
            network = network.replaceFirst(" KEY@HOST:PORT", " " + key + "@localhost:" + (first + 6 * i));
        }
        host.run(network.replace("BANKKEY", keys.get("bank"))
                .replace("NODEKEY", keys.get("node"))
                .replace("GATEWAYKEY", keys.get("gateway")));
        host.run(host.step("model import").replace("CHECKPOINT", CHECKPOINT.toString()));

        String full = host.step("./plumbline full-node");
        List<OperatingHost.Role> fullNodes = new ArrayList<>();
        for (int i = 0; i < FULL_NODES; i++) {
            fullNodes.add(
                    host.start(full.replace("full.key", "full" + i + ".key").replace("--dir full", "--dir full" + i)));
            if (i == 0) {
                JsonNode waiting = fullNodes.getFirst().await("waiting");
                assertEquals(3, waiting.path("fullNodes").size(), waiting.toString());
            }
        }
        for (OperatingHost.Role role : fullNodes) {
            role.await("ready");
        }

        host.run(host.step("ledger deposit").replace("--to KEY", "--to " + keys.get("node")));
        String account = host.run(host.step("ledger account"));
        assertTrue(account.contains("200000"), account);

        host.start(host.step("inference-node").replace("9100", "0")).await("ready");
        int port = host.start(host.step("./plumbline gateway").replace("8080", "0"))
                .await("ready")
                .path("port")
                .asInt();
        String curl = host.step("curl ");
        Matcher body = Pattern.compile("-d '(.*)'").matcher(curl);
        Matcher path = Pattern.compile("http://localhost:8080(\\S+)").matcher(curl);
        assertTrue(body.find() && path.find(), curl);
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create("http://localhost:" + port + path.group(1)))
                            .header("content-type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(body.group(1)))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertEquals(200, answer.statusCode(), answer.body());
            JsonNode said = mapper.readTree(answer.body());
            assertTrue(said.path("usage").path("completion_tokens").asInt() > 0, answer.body());
        }
        host.joinLater(
                host,
                host.step("./plumbline serve CHECKPOINT")
                        .replace("CHECKPOINT", CHECKPOINT.toString())
                        .replace("9101", "0"));
        assertTrue(host.run(host.step("ledger status").replace("--dir full", "--dir full0"))
                .contains("height"));
    }
}
