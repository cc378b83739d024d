package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.transport.Ports;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever follows docs/operating.md has an answer at the end: its commands are run as they stand there. */
@Tag("slow")
class OperatingStepsTest {
    private static final Path STEPS = Path.of("..", "docs", "operating.md");
    private static final Path CHECKPOINT =
            Path.of("..", "models", "plumbline-stories-2m").toAbsolutePath();
    private static final int FULL_NODES = 4;
    private static final long WAIT_S = 90;

    @TempDir
    Path folder;

    private final ObjectMapper mapper = new ObjectMapper();
    private final List<Role> roles = new ArrayList<>();
    private final Map<String, String> keys = new HashMap<>();

    /** A process that goes on, and what it says. */
    private static final class Role {
        private final Process process;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

        Role(Process process) {
            this.process = process;
            Thread.ofVirtual().start(() -> {
                try (BufferedReader out =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                    out.lines().forEach(lines::add);
                } catch (IOException e) {
                    // It was ended.
                }
            });
        }

        /** The next event of this name. */
        JsonNode await(String event) throws Exception {
            List<String> said = new ArrayList<>();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
            while (System.nanoTime() - end < 0) {
                String line = lines.poll(100, TimeUnit.MILLISECONDS);
                if (line != null && line.contains("\"event\":\"" + event + "\"")) {
                    return new ObjectMapper().readTree(line);
                }
                if (line != null) {
                    said.add(line);
                } else if (!process.isAlive()) {
                    break;
                }
            }
            throw new AssertionError("It never said " + event + ", but:\n" + String.join("\n", said));
        }
    }

    private Process begin(String command) throws IOException {
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-exports",
                "java.base/jdk.internal.misc=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx512m",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                "io.plumbline.node.Main"));
        Matcher word = Pattern.compile("\"([^\"]*)\"|(\\S+)").matcher(command);
        while (word.find()) {
            words.add(word.group(1) == null ? word.group(2) : word.group(1));
        }
        return new ProcessBuilder(words)
                .directory(folder.toFile())
                .redirectError(folder.resolve("errors").toFile())
                .start();
    }

    /** Runs a command to its end. */
    private String run(String command) throws Exception {
        Process process = begin(command);
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), command + ": " + Files.readString(folder.resolve("errors")));
        return said;
    }

    private Role start(String command) throws IOException {
        Role role = new Role(begin(command));
        roles.add(role);
        return role;
    }

    /** The commands of the document, each on one line, without its comment. */
    private static List<String> commands() throws IOException {
        List<String> commands = new ArrayList<>();
        Matcher block = Pattern.compile("```\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(STEPS));
        while (block.find()) {
            for (String line :
                    block.group(1).replaceAll("\\\\\n\\s*", "").lines().toList()) {
                commands.add(line.replaceFirst("\\s+#.*", ""));
            }
        }
        return commands;
    }

    private static String find(List<String> commands, String what) {
        return commands.stream()
                .filter(line -> line.contains(what))
                .findFirst()
                .orElseThrow(() -> new AssertionError(STEPS + " has no command with " + what))
                .replaceFirst("^\\./plumbline ", "")
                .replace(" HOST", " localhost")
                .replace("http://HOST", "http://localhost");
    }

    @AfterEach
    void end() throws InterruptedException {
        for (Role role : roles) {
            role.process.destroy();
        }
        for (Role role : roles) {
            role.process.waitFor();
        }
    }

    @Test
    void itsCommandsLeadFromNothingToAnAnswer() throws Exception {
        List<String> commands = commands();
        for (String name : List.of("bank", "node", "gateway")) {
            keys.put(name, run(find(commands, "new-key " + name + ".key")));
        }
        String network = find(commands, "new-network");
        int first = Ports.free(FULL_NODES * 6);
        for (int i = 0; i < FULL_NODES; i++) {
            String key = run(find(commands, "new-key full.key").replace("full.key", "full" + i + ".key"));
            network = network.replaceFirst(" KEY@HOST:PORT", " " + key + "@localhost:" + (first + 6 * i));
        }
        run(network.replace("BANKKEY", keys.get("bank"))
                .replace("NODEKEY", keys.get("node"))
                .replace("GATEWAYKEY", keys.get("gateway")));
        run(find(commands, "model import").replace("CHECKPOINT", CHECKPOINT.toString()));

        String full = find(commands, "./plumbline full-node");
        List<Role> fullNodes = new ArrayList<>();
        for (int i = 0; i < FULL_NODES; i++) {
            fullNodes.add(start(full.replace("full.key", "full" + i + ".key").replace("--dir full", "--dir full" + i)));
            if (i == 0) {
                JsonNode waiting = fullNodes.getFirst().await("waiting");
                assertEquals(3, waiting.path("fullNodes").size(), waiting.toString());
            }
        }
        for (Role role : fullNodes) {
            role.await("ready");
        }

        String deposit = find(commands, "ledger deposit").replace("--to KEY", "--to " + keys.get("node"));
        run(deposit);
        String account = run(find(commands, "ledger account"));
        assertTrue(account.contains("200000"), account);

        start(find(commands, "inference-node").replace("9100", "0")).await("ready");
        int port = start(find(commands, "./plumbline gateway").replace("8080", "0"))
                .await("ready")
                .path("port")
                .asInt();
        String curl = find(commands, "curl ");
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
        assertTrue(run(find(commands, "ledger status").replace("--dir full", "--dir full0"))
                .contains("height"));
    }
}
