package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.Main;
import io.plumbline.node.http.ReboundPage;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Roles as processes: what they say of their health, and how they end. */
@Tag("slow")
class RoleHealthTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path folder;

    private ChildNetwork network;

    @BeforeEach
    void prepare() throws Exception {
        network = new ChildNetwork(folder);
    }

    @AfterEach
    void endAll() {
        network.close();
    }

    @Test
    void everyRoleSaysWhetherItIsReadyAndEndsWhenItIsToldTo() throws Exception {
        // Before there is a full node, they are alive and not ready.
        ChildRole node = network.node("device");
        int nodePort = ChildNetwork.health(node);
        assertEquals(200, node.get(nodePort, "/healthz").statusCode());
        assertEquals(503, node.get(nodePort, "/readyz").statusCode());
        ChildRole gateway = network.gateway();
        ChildRole full = network.fullNode("--allow-host", "full.internal");
        for (ChildRole role : List.of(full, node, gateway)) {
            role.awaitStatus(ChildNetwork.health(role), "/readyz", 200);
            assertEquals(200, role.get(ChildNetwork.health(role), "/healthz").statusCode());
            assertEquals(404, role.get(ChildNetwork.health(role), "/nothing").statusCode());
            // A page whose name leads to the port is not the operator.
            assertEquals(421, ReboundPage.status(ChildNetwork.health(role), "/metrics"));
            assertEquals(200, ReboundPage.status(ChildNetwork.health(role), "/healthz"));
        }
        for (String path : List.of("/v1/models", "/", "/ui/state", "/health")) {
            assertEquals(421, ReboundPage.status(ChildNetwork.api(gateway), path), path);
        }
        assertEquals(421, ReboundPage.status(ChildNetwork.health(full), "/ui/state"));
        assertEquals(200, ReboundPage.status(ChildNetwork.health(full), "/ui/state", "full.internal"));
        // A gateway's own port serves them too.
        gateway.awaitStatus(ChildNetwork.api(gateway), "/readyz", 200);
        assertEquals(
                200, network.ask(ChildNetwork.api(gateway), 5).statusCode(), () -> gateway.said() + "\n" + node.said());

        assertMeasured(node, "plumbline_requests_total{model=\"ID\",outcome=\"answered\"} 1.0");
        assertMeasured(node, "plumbline_generation_tokens_total{model=\"ID\"} 5.0");
        assertMeasured(node, "plumbline_owed_receipts 1.0");
        assertMeasured(node, "plumbline_events_total{event=\"answered\"} 1.0");
        assertMeasured(gateway, "plumbline_api_answers_total{outcome=\"answered\"} 1.0");
        assertMeasured(gateway, "plumbline_bought_units_total 5.0");
        assertMeasured(full, "plumbline_ledger_money_difference 0.0");
        assertMeasured(full, "plumbline_ledger_leader 1.0");
        for (ChildRole role : List.of(full, node, gateway)) {
            String metrics = role.get(ChildNetwork.health(role), "/metrics").body();
            assertFalse(metrics.contains("plumbline_media_total{counter=\"bytes_sent\"} 0.0"), metrics);
            assertTrue(metrics.contains("plumbline_media_total{counter=\"bytes_sent\"}"), metrics);
        }
        // Where another place is named for them they are not shown to those that use the API.
        assertEquals(404, gateway.get(ChildNetwork.api(gateway), "/metrics").statusCode());

        full.terminate();
        assertEquals(0, full.exitCode(), full.said());
        String why = gateway.awaitStatus(ChildNetwork.health(gateway), "/readyz", 503);
        assertTrue(why.contains("ledger"), why);
        assertEquals(200, gateway.get(ChildNetwork.health(gateway), "/healthz").statusCode());
        for (ChildRole role : List.of(gateway, node)) {
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
        }
    }

    @Test
    void aDrainingNodeEndsItsStreamsAndIsAskedNoMore() throws Exception {
        network.fullNode();
        ChildRole node = network.node("device", "--token-ms", "40", "--drain-seconds", "60");
        ChildRole gateway = network.gateway();
        gateway.awaitStatus(ChildNetwork.health(gateway), "/readyz", 200);
        node.awaitEvent("ready");
        // Long enough that the node has not ended yet when it is asked again, on a busy host too.
        try (Stream<String> lines =
                network.stream(ChildNetwork.api(gateway), 150).body()) {
            Iterator<String> each = lines.iterator();
            awaitToken(each);
            node.terminate();
            node.awaitEvent("draining");
            assertTrue(node.get(ChildNetwork.health(node), "/readyz").body().contains("draining"), node.said());
            HttpResponse<String> refused = network.ask(ChildNetwork.api(gateway), 5);
            assertEquals(503, refused.statusCode(), refused.body());
            assertTrue(refused.body().contains("about to end"), refused.body());
            List<JsonNode> chunks = chunks(each);
            assertEquals("[DONE]", chunks.getLast().asText());
            assertTrue(receipted(chunks), chunks.toString());
        }
        assertEquals(0, node.exitCode(), node.said());
        assertTrue(node.awaitEvent("drained").path("whole").asBoolean(), node.said());
        assertTrue(!node.awaitEvent("answered").path("cancelled").asBoolean(), node.said());
    }

    @Test
    void whatANodeCannotEndInTimeIsCutWithAReceiptForWhatWasDelivered() throws Exception {
        network.fullNode();
        ChildRole node = network.node("device", "--token-ms", "100", "--drain-seconds", "1");
        ChildRole gateway = network.gateway();
        gateway.awaitStatus(ChildNetwork.health(gateway), "/readyz", 200);
        node.awaitEvent("ready");
        try (Stream<String> lines =
                network.stream(ChildNetwork.api(gateway), 400).body()) {
            Iterator<String> each = lines.iterator();
            awaitToken(each);
            node.terminate();
            List<JsonNode> chunks = chunks(each);
            assertEquals("[DONE]", chunks.getLast().asText(), chunks.toString());
            assertTrue(receipted(chunks), chunks.toString());
        }
        assertEquals(0, node.exitCode(), node.said());
        assertTrue(!node.awaitEvent("drained").path("whole").asBoolean(), node.said());
        JsonNode answered = node.awaitEvent("answered");
        assertTrue(answered.path("cancelled").asBoolean(), node.said());
        assertTrue(answered.path("ordered").asText().matches("\\d+"), "its receipt is on the ledger: " + answered);
    }

    @Test
    void aDrainingGatewayRefusesAndCutsTheSame() throws Exception {
        network.fullNode();
        ChildRole node = network.node("device", "--token-ms", "100");
        ChildRole gateway = network.gateway("--drain-seconds", "3");
        int port = ChildNetwork.api(gateway);
        gateway.awaitStatus(port, "/readyz", 200);
        node.awaitEvent("ready");
        try (Stream<String> lines = network.stream(port, 400).body()) {
            Iterator<String> each = lines.iterator();
            each.next();
            gateway.terminate();
            gateway.awaitEvent("draining");
            assertEquals(503, gateway.get(port, "/readyz").statusCode());
            HttpResponse<String> refused = network.ask(port, 5);
            assertEquals(503, refused.statusCode(), refused.body());
            assertTrue(
                    refused.headers().firstValue("Retry-After").isPresent(),
                    refused.headers().toString());
            List<JsonNode> chunks = chunks(each);
            assertEquals("[DONE]", chunks.getLast().asText(), chunks.toString());
            assertTrue(receipted(chunks), chunks.toString());
        }
        assertEquals(0, gateway.exitCode(), gateway.said());
        assertTrue(node.awaitEvent("answered").path("cancelled").asBoolean(), node.said());
    }

    @Test
    void aServerOfOneProcessDrainsToo() throws Exception {
        try (ChildRole server = new ChildRole(
                Main.class,
                List.of(
                        "serve",
                        folder.resolve("stories").toString(),
                        "--dir",
                        folder.resolve("served").toString(),
                        "--port",
                        "0",
                        "--threads",
                        "1",
                        "--cache-mib",
                        "64",
                        "--drain-seconds",
                        "0"))) {
            Matcher at = Pattern.compile("http://localhost:(\\d+)").matcher(server.await("http://localhost:"));
            assertTrue(at.find());
            int port = Integer.parseInt(at.group(1));
            server.awaitStatus(port, "/readyz", 200);
            assertEquals(200, server.get(port, "/healthz").statusCode());
            assertTrue(server.get(port, "/metrics").body().contains("plumbline_kv_pages_capacity"));
            try (Stream<String> lines = network.stream(port, 400).body()) {
                Iterator<String> each = lines.iterator();
                each.next();
                server.terminate();
                List<JsonNode> chunks = chunks(each);
                assertEquals("[DONE]", chunks.getLast().asText(), chunks.toString());
                assertTrue(receipted(chunks), chunks.toString());
            }
            assertEquals(0, server.exitCode(), server.said());
            server.await("takes on nothing new");
        }
    }

    @Test
    void aNodeWhoseEngineDiesEndsWithACodeOfItsOwn() throws Exception {
        network.fullNode();
        ChildRole gateway = network.gateway();
        // In the midst of an answer; and, for the watchdog to find, with nothing to do.
        for (boolean isAsked : new boolean[] {true, false}) {
            for (String how : isAsked ? List.of("error", "device") : List.of("device")) {
                Files.deleteIfExists(network.broken());
                ChildRole node = network.node(how, "--token-ms", "40");
                node.awaitStatus(ChildNetwork.health(node), "/readyz", 200);
                gateway.awaitStatus(ChildNetwork.health(gateway), "/readyz", 200);
                if (isAsked) {
                    try (Stream<String> lines =
                            network.stream(ChildNetwork.api(gateway), 200).body()) {
                        lines.iterator().next();
                        Files.createFile(network.broken());
                        assertEquals(ExitCode.ENGINE.code(), node.exitCode(), node.said());
                    }
                } else {
                    Files.createFile(network.broken());
                    assertEquals(ExitCode.ENGINE.code(), node.exitCode(), node.said());
                }
                assertEquals("engine", node.awaitEvent("failed").path("what").asText());
            }
        }
    }

    /** A process that had no processor for so long that its media driver took its clients for dead. */
    @Test
    void rolesWhoseDriverIsGoneEndWithACodeOfTheirOwn() throws Exception {
        ChildRole full = network.fullNode();
        ChildRole node = network.node("device");
        ChildRole gateway = network.gateway();
        for (ChildRole role : List.of(full, node, gateway)) {
            role.awaitEvent("ready");
        }
        for (ChildRole role : List.of(full, node, gateway)) {
            signal("-STOP", role);
        }
        Thread.sleep(15_000);
        for (ChildRole role : List.of(full, node, gateway)) {
            signal("-CONT", role);
        }
        for (ChildRole role : List.of(node, gateway)) {
            assertEquals(ExitCode.DRIVER.code(), role.exitCode(), role.said());
        }
        int code = full.exitCode();
        assertTrue(code == ExitCode.LEDGER.code() || code == ExitCode.DRIVER.code(), code + ": " + full.said());
    }

    /** A disk that has flipped bits in the ledger's log. */
    @Test
    void aFullNodeWhoseLogIsDamagedEndsWithACodeOfItsOwn() throws Exception {
        ChildRole full = network.fullNode();
        ChildRole node = network.node("device");
        node.awaitEvent("ready");
        for (ChildRole role : List.of(node, full)) {
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
        }
        try (Stream<Path> files = Files.list(folder.resolve("full-node/archive"))) {
            for (Path recording :
                    files.filter(file -> file.toString().endsWith(".rec")).toList()) {
                try (FileChannel file = FileChannel.open(recording, StandardOpenOption.WRITE)) {
                    // Behind the first frame's header.
                    file.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}), 40);
                }
            }
        }
        ChildRole again = network.fullNode();
        assertEquals(ExitCode.LEDGER.code(), again.exitCode(), again.said());
        assertEquals("ledger", again.awaitEvent("failed").path("what").asText());
        assertTrue(again.said().contains("is damaged"), again.said());
    }

    private static void assertMeasured(ChildRole role, String line) throws Exception {
        String metrics = "";
        for (int i = 0; i < 100; i++) {
            metrics = role.get(ChildNetwork.health(role), "/metrics").body();
            if (metrics.lines()
                    .map(one -> one.replaceFirst("model=\"[0-9a-f]{64}\"", "model=\"ID\""))
                    .anyMatch(line::equals)) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError(line + " is not among\n" + metrics);
    }

    private static void signal(String name, ChildRole role) throws Exception {
        assertEquals(
                0, new ProcessBuilder("kill", name, "" + role.pid()).start().waitFor());
    }

    /** A port that is in use, or none: one line that says so, and nothing runs on. */
    @Test
    void aPlaceThatCannotBeListenedOnIsSaidInALine() throws Exception {
        ChildRole node = network.node("device");
        int port = ChildNetwork.health(node);
        ChildRole other = network.fullNode("--health", "localhost:" + port);
        assertEquals(ExitCode.FAILED.code(), other.exitCode(), other.said());
        assertTrue(other.said().contains("cannot listen on localhost:" + port), other.said());
        ChildRole third = network.fullNode("--health", "nowhere:here");
        assertEquals(ExitCode.USAGE.code(), third.exitCode());
        assertTrue(third.said().contains("--health is PORT or HOST:PORT"), third.said());
    }

    /** The first line says only that the answer has a role: a gateway may write it before the node has begun. */
    private static void awaitToken(Iterator<String> each) throws Exception {
        for (String line = each.next(); ; line = each.next()) {
            if (line.startsWith("data: {")) {
                JsonNode delta = MAPPER.readTree(line.substring(6)).at("/choices/0/delta");
                if (!delta.path("content").asText().isEmpty()) {
                    return;
                }
            }
        }
    }

    private static List<JsonNode> chunks(Iterator<String> lines) throws Exception {
        List<JsonNode> chunks = new ArrayList<>();
        while (lines.hasNext()) {
            String line = lines.next();
            if (line.startsWith("data: ")) {
                String data = line.substring("data: ".length());
                chunks.add(
                        data.startsWith("{")
                                ? MAPPER.readTree(data)
                                : MAPPER.getNodeFactory().textNode(data));
            }
        }
        return chunks;
    }

    private static boolean receipted(List<JsonNode> chunks) {
        return chunks.stream().anyMatch(chunk -> chunk.toString().contains("\"receipt\""));
    }
}
