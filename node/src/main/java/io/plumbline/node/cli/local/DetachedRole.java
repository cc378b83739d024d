package io.plumbline.node.cli.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Terminal;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A role that runs on when this process has ended. A file says which process it is; what it prints stands in two others
 * beside it.
 */
final class DetachedRole {
    private static final String PROCESS_FILE = "process.json";
    private static final String EVENTS_FILE = "events.jsonl";
    private static final String ERRORS_FILE = "errors.txt";
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long POLL_MS = 50;

    /** Most by which the clocks of the file and of the system differ. */
    private static final Duration SAME_START = Duration.ofSeconds(2);

    /** Time to drain and to close what it holds, after which it is killed. */
    private static final long CLOSE_MS = 60_000;

    private static final long KILL_MS = 5_000;

    private final String name;
    private final Path folder;

    /** @param folder of its own, made where it is missing. */
    DetachedRole(String name, Path folder) throws IOException {
        this.name = name;
        this.folder = Files.createDirectories(folder);
    }

    String name() {
        return name;
    }

    /** The role's own folder, beside what is known of its process. */
    Path data() {
        return folder.resolve("data");
    }

    /** The process, where it runs. A number that another one has by now is not it: that began at another time. */
    Optional<ProcessHandle> process() throws IOException {
        Path file = folder.resolve(PROCESS_FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        JsonNode json = MAPPER.readTree(Files.readAllBytes(file));
        return ProcessHandle.of(json.path("pid").asLong())
                .filter(ProcessHandle::isAlive)
                .filter(process -> process.info()
                        .startInstant()
                        .map(start -> Duration.between(
                                                start,
                                                Instant.parse(
                                                        json.path("started").asText()))
                                        .abs()
                                        .compareTo(SAME_START)
                                < 0)
                        .orElse(false));
    }

    /** Starts it, in a session of its own where the host can: what ends the terminal does not end it then. */
    void start(List<String> command) throws IOException {
        List<String> words = new ArrayList<>();
        if (hasSetsid()) {
            words.add("setsid");
        }
        words.addAll(command);
        // The words of an earlier process would be read as this one's.
        Files.deleteIfExists(folder.resolve(EVENTS_FILE));
        Files.deleteIfExists(folder.resolve(ERRORS_FILE));
        Process process = new ProcessBuilder(words)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectOutput(folder.resolve(EVENTS_FILE).toFile())
                .redirectError(folder.resolve(ERRORS_FILE).toFile())
                .start();
        Path written = folder.resolve(PROCESS_FILE + ".partial");
        Files.write(
                written,
                MAPPER.writeValueAsBytes(MAPPER.createObjectNode()
                        .put("pid", process.pid())
                        .put(
                                "started",
                                process.info()
                                        .startInstant()
                                        .orElseGet(Instant::now)
                                        .toString())));
        Files.move(
                written,
                folder.resolve(PROCESS_FILE),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    private static boolean hasSetsid() {
        for (String place : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(place, "setsid"))) {
                return true;
            }
        }
        return false;
    }

    /**
     * Waits until it does its work, from its last start on.
     *
     * @throws IOException with its last words, when it ends or the time is over.
     */
    Event.Ready awaitReady(long timeoutMs) throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + timeoutMs;
        while (true) {
            boolean runs = process().isPresent();
            Event.Ready ready = ready();
            if (ready != null) {
                return ready;
            }
            if (!runs) {
                throw new IOException(name + " ended: " + lastWords());
            }
            if (System.currentTimeMillis() > end) {
                throw new IOException(name + " was not ready within " + timeoutMs / 1000 + " s: " + lastWords());
            }
            Thread.sleep(POLL_MS);
        }
    }

    /** The event by which it said that it was ready, or null. */
    Event.Ready ready() throws IOException {
        return said(Event.Ready.class);
    }

    /** The first event of a kind since its last start, or null. */
    <E extends Event> E said(Class<E> kind) throws IOException {
        Path file = folder.resolve(EVENTS_FILE);
        if (!Files.exists(file)) {
            return null;
        }
        try (var lines = Files.lines(file)) {
            for (String line : (Iterable<String>) lines.filter(l -> l.startsWith("{") && l.endsWith("}"))::iterator) {
                Event event = Events.read(line);
                if (kind.isInstance(event)) {
                    return kind.cast(event);
                }
            }
        }
        return null;
    }

    /** The end of what it said, for a person. */
    private String lastWords() throws IOException {
        for (String file : List.of(ERRORS_FILE, EVENTS_FILE)) {
            List<String> lines = tail(folder.resolve(file));
            if (!lines.isEmpty()) {
                return Terminal.printable(lines.getLast());
            }
        }
        return "it said nothing";
    }

    private static List<String> tail(Path file) throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            byte[] end = new byte[(int) Math.min(4096, in.length())];
            in.seek(in.length() - end.length);
            in.readFully(end);
            return new String(end, StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("WARNING") && !line.isBlank())
                    .toList();
        }
    }

    /** Has it close what it holds, and kills it where it does not; whether it ran. */
    boolean stop() throws IOException, InterruptedException {
        Optional<ProcessHandle> process = process();
        if (process.isPresent()) {
            process.get().destroy();
            if (!hasEnded(process.get(), CLOSE_MS)) {
                process.get().destroyForcibly();
                if (!hasEnded(process.get(), KILL_MS)) {
                    throw new IOException(name + ", process " + process.get().pid() + ", does not end: kill it.");
                }
            }
        }
        Files.deleteIfExists(folder.resolve(PROCESS_FILE));
        return process.isPresent();
    }

    private static boolean hasEnded(ProcessHandle process, long timeoutMs) throws IOException, InterruptedException {
        try {
            process.onExit().get(timeoutMs, TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        }
    }
}
