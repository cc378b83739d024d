package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A host whose operator follows docs/operating.md: a folder, an address, and the commands as they stand there. */
final class OperatingHost implements AutoCloseable {
    private static final Path STEPS = Path.of("..", "docs", "operating.md");
    private static final long WAIT_S = 90;

    private final Path folder;
    private final String address;
    private final List<String> prefix;
    private final List<Role> roles = new ArrayList<>();

    /**
     * @param folder that commands are run in, and the home of their user.
     * @param address that others reach it at.
     * @param prefix words before each command, which have it run on this host; none on the test's own.
     */
    OperatingHost(Path folder, String address, List<String> prefix) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.address = address;
        this.prefix = prefix;
    }

    Path folder() {
        return folder;
    }

    String address() {
        return address;
    }

    /** A process that goes on, and what it says. */
    static final class Role {
        private final Process process;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

        Role(Process process) {
            this.process = process;
            Thread.ofVirtual().start(() -> {
                try (BufferedReader out =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                    out.lines().forEach(lines::add);
                } catch (IOException | UncheckedIOException e) {
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

    /** The first command of the document that holds a text, on one line, without its comment, for this host. */
    String step(String what) throws IOException {
        Matcher block = Pattern.compile("```\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(STEPS));
        while (block.find()) {
            for (String line :
                    block.group(1).replaceAll("\\\\\n\\s*", "").lines().toList()) {
                if (line.contains(what)) {
                    return line.replaceFirst("\\s+#.*", "")
                            .replace(" HOST", " " + address)
                            .replace("http://HOST", "http://" + address);
                }
            }
        }
        throw new AssertionError(STEPS + " has no command with " + what);
    }

    private Process begin(String command) throws IOException {
        List<String> words = new ArrayList<>(prefix);
        if (command.startsWith("./plumbline ")) {
            words.addAll(List.of(
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
                    "-Duser.home=" + folder,
                    "-cp",
                    System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                    "io.plumbline.node.Main"));
        }
        Matcher word = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)").matcher(command.replace("./plumbline ", ""));
        while (word.find()) {
            words.add(word.group(1) != null ? word.group(1) : word.group(2) != null ? word.group(2) : word.group());
        }
        return new ProcessBuilder(words)
                .directory(folder.toFile())
                .redirectError(ProcessBuilder.Redirect.appendTo(errors().toFile()))
                .start();
    }

    private Path errors() {
        return folder.resolve("errors");
    }

    /** What commands and roles of this host have said on standard error. */
    String said() throws IOException {
        return Files.readString(errors());
    }

    /** Runs a command to its end. */
    String run(String command) throws Exception {
        return run(command, 0);
    }

    /** @param code that it ends with. */
    String run(String command, int code) throws Exception {
        Process process = begin(command);
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(code, process.waitFor(), command + ": " + said + "\n" + said());
        return said;
    }

    Role start(String command) throws IOException {
        Role role = new Role(begin(command));
        roles.add(role);
        return role;
    }

    /**
     * Joins a network with a key that is made here: it is told what is to be paid in and how, the bank's operator types
     * that, and the same command once more is a node.
     *
     * @return what it says when it is ready.
     */
    JsonNode joinLater(OperatingHost bank, String serve) throws Exception {
        run(serve, 1);
        Matcher told = Pattern.compile("\\./plumbline ledger deposit .*").matcher(said());
        assertTrue(told.find(), said());
        bank.run(told.group().replace("BANK", "bank.key").replace("TEXT", "joined"));
        JsonNode ready = start(serve).await("ready");
        assertTrue(told.group().contains(ready.path("key").asText()), told.group());
        return ready;
    }

    /** Ends its roles. */
    @Override
    public void close() {
        roles.forEach(role -> role.process.destroy());
        roles.forEach(role -> role.process.onExit().join());
    }
}
