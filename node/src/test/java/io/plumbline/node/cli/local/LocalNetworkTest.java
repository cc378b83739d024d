package io.plumbline.node.cli.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.importer.ModelImport;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A network on this host stays, is found again, and is stopped whole. */
@Tag("slow")
class LocalNetworkTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach
    void nothingStays() throws Exception {
        try (LocalNetwork network = new LocalNetwork(folder.resolve("network"))) {
            network.down(ended -> {});
        }
    }

    private LocalNetwork.Settings settings(String device) throws IOException {
        Path imported = folder.resolve("model");
        if (!Files.exists(imported)) {
            ModelImport.run(Path.of("../models/plumbline-stories-2m"), imported, share -> {});
        }
        return new LocalNetwork.Settings(imported.toString(), "stories", 0, device);
    }

    private static List<Long> processes(LocalNetwork network) throws IOException {
        List<Long> pids = new ArrayList<>();
        for (DetachedRole role : network.roles()) {
            pids.add(role.process().map(ProcessHandle::pid).orElse(-1L));
        }
        return pids;
    }

    private JsonNode send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response.body());
        return MAPPER.readTree(response.body());
    }

    @Test
    void itStaysIsMendedAndKeepsItsLedger() throws Exception {
        String request;
        try (LocalNetwork network = new LocalNetwork(folder.resolve("network"))) {
            assertNull(network.settings());
            network.up(settings("cpu"), ready -> {});
            List<Long> running = processes(network);
            assertFalse(running.contains(-1L), running.toString());
            assertThrows(IOException.class, () -> new LocalNetwork(folder.resolve("network")), "one command at a time");

            request = send(HttpRequest.newBuilder(URI.create(network.gateway() + "/chat/completions"))
                            .header("content-type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(
                                    "{\"model\":\"stories\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\","
                                            + "\"content\":\"Tell me a story.\"}]}")))
                    .path("plumbline")
                    .path("request_hash")
                    .asText();
            assertEquals(64, request.length());

            network.roles().get(1).process().orElseThrow().destroyForcibly();
            network.roles()
                    .get(1)
                    .process()
                    .ifPresent(p -> p.onExit().orTimeout(120, TimeUnit.SECONDS).join());
            assertEquals(-1, processes(network).get(1));
            network.up(network.settings(), ready -> {});
            List<Long> mended = processes(network);
            running.set(1, mended.get(1));
            assertEquals(running, mended, "the others run on");
            assertTrue(mended.get(1) > 0);
        }
        try (LocalNetwork found = new LocalNetwork(folder.resolve("network"))) {
            List<ProcessHandle> ran = new ArrayList<>();
            for (DetachedRole role : found.roles()) {
                ran.add(role.process().orElseThrow());
            }
            assertEquals(ran.size(), found.down(ended -> {}));
            assertTrue(ran.stream().noneMatch(ProcessHandle::isAlive));
            assertNull(found.gateway());
            assertEquals(0, found.down(ended -> {}));

            found.up(found.settings(), ready -> {});
            JsonNode receipt = send(HttpRequest.newBuilder(URI.create(found.gateway() + "/receipts/" + request)));
            assertNotNull(receipt.path("status").textValue(), receipt.toString());
        }
    }

    @Test
    void aRoleThatDoesNotStartLeavesNothingRunning() throws Exception {
        try (LocalNetwork network = new LocalNetwork(folder.resolve("network"))) {
            IOException e = assertThrows(IOException.class, () -> network.up(settings("7"), ready -> {}));
            assertTrue(e.getMessage().contains("inference-node"), e.getMessage());
            assertTrue(processes(network).stream().allMatch(pid -> pid == -1), "all that was begun was stopped");
        }
    }

    /** A process number that another process has by now is not taken for the role's. */
    @Test
    void anotherProcessIsNotTakenForIt() throws Exception {
        DetachedRole role = new DetachedRole("role", folder.resolve("role"));
        Process other = new ProcessBuilder("sleep", "60").start();
        try {
            Files.writeString(
                    folder.resolve("role/process.json"),
                    "{\"pid\":" + other.pid() + ",\"started\":\"2020-01-01T00:00:00Z\"}");
            assertTrue(role.process().isEmpty());
            assertFalse(role.stop());
            assertTrue(other.isAlive());
        } finally {
            other.destroyForcibly();
        }
    }
}
