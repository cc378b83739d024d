package io.plumbline.node.health;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A process of this program's classes that a test started, what it prints, and how it ends. */
public final class ChildRole implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long WAIT_S = 120;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final List<String> lines = new ArrayList<>();
    private final Thread reader;

    /** Starts {@code main} with {@code arguments}; standard error comes with standard output. */
    public ChildRole(Class<?> main, List<String> arguments) throws IOException {
        this(main, Map.of(), arguments);
    }

    /** The same with more variables in its environment. */
    public ChildRole(Class<?> main, Map<String, String> environment, List<String> arguments) throws IOException {
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
                main.getName()));
        words.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
        builder.environment().putAll(environment);
        process = builder.start();
        reader = Thread.ofPlatform().daemon().start(this::read);
    }

    private void read() {
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                synchronized (lines) {
                    lines.add(line);
                    lines.notifyAll();
                }
            }
        } catch (IOException | UncheckedIOException e) {
            // It was ended.
        }
    }

    /** All that it has printed. */
    public String said() {
        synchronized (lines) {
            return String.join("\n", lines);
        }
    }

    /** The first line that holds {@code text}, once it is there. */
    public String await(String text) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
        synchronized (lines) {
            while (true) {
                for (String line : lines) {
                    if (line.contains(text)) {
                        return line;
                    }
                }
                boolean isOver = System.nanoTime() - end > 0 || !reader.isAlive();
                if (isOver) {
                    throw new AssertionError("It never said " + text + ", but:\n" + said());
                }
                lines.wait(100);
            }
        }
    }

    /** The first event of this name, once it is there. */
    public JsonNode awaitEvent(String name) throws Exception {
        return MAPPER.readTree(await("\"event\":\"" + name + "\""));
    }

    /** Sends SIGTERM. */
    public void terminate() {
        // Process.destroy would close what its output is read by.
        process.toHandle().destroy();
    }

    public long pid() {
        return process.pid();
    }

    /** Its exit code, once it has ended. */
    public int exitCode() throws Exception {
        try {
            int code = process.onExit().get(WAIT_S, TimeUnit.SECONDS).exitValue();
            reader.join();
            return code;
        } catch (TimeoutException e) {
            throw new AssertionError("It does not end:\n" + said(), e);
        }
    }

    /** Its answer to a GET of {@code path} on this port of localhost. */
    public HttpResponse<String> get(int port, String path) throws Exception {
        return http.send(
                HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    /** Asks again until {@code path} answers with a status. */
    public String awaitStatus(int port, String path, int status) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
        while (true) {
            HttpResponse<String> response = get(port, path);
            if (response.statusCode() == status) {
                return response.body();
            }
            if (System.nanoTime() - end > 0) {
                throw new AssertionError(path + " is " + response.statusCode() + " " + response.body());
            }
            Thread.sleep(50);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
