package io.plumbline.node.demo;

import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.ThisProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A role run as a process of its own, whose events can be waited for. It ends when this process ends, however that
 * comes about.
 */
final class ChildProcess implements AutoCloseable {
    /** Events that are kept: a process may go on for hours. */
    private static final int MAX_EVENTS = 10_000;

    private final String name;
    private final Process process;
    private final Path errors;
    private final boolean echo;
    private final List<String> flags;
    private final List<String> arguments;
    private final Deque<Event> events = new ArrayDeque<>();

    /**
     * Starts {@code plumbline ARGUMENTS} with this process's java, class path and flags.
     *
     * @param log receives what the process prints on standard error.
     * @param echo whether its events are also printed here, on standard error.
     */
    ChildProcess(String name, Path log, boolean echo, List<String> flags, List<String> arguments) throws IOException {
        this.echo = echo;
        this.name = name;
        this.errors = log;
        this.flags = List.copyOf(flags);
        this.arguments = List.copyOf(arguments);
        List<String> command = ThisProgram.command(flags);
        command.addAll(arguments);
        command.add("--exit-with-stdin");
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        Thread.ofPlatform().daemon().name(name).start(this::read);
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Kills it as it stands, and starts another in its place. */
    ChildProcess again() throws IOException {
        close();
        return new ChildProcess(name, errors, echo, flags, arguments);
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("{")) {
                    Event event = Events.read(line);
                    if (echo) {
                        System.err.println(name + " " + line);
                    }
                    if (event == null) {
                        continue;
                    }
                    synchronized (events) {
                        events.addLast(event);
                        if (events.size() > MAX_EVENTS) {
                            events.removeFirst();
                        }
                        events.notifyAll();
                    }
                }
            }
        } catch (IOException e) {
            // The process is gone; whoever waits is told below.
        }
        synchronized (events) {
            events.notifyAll();
        }
    }

    /**
     * Waits for an event of this kind that {@code wanted} accepts; an error if the process ends or the time is over.
     */
    <T extends Event> T await(Class<T> kind, Predicate<T> wanted, long timeoutMs)
            throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + timeoutMs;
        synchronized (events) {
            while (true) {
                for (Event event : events) {
                    if (kind.isInstance(event) && wanted.test(kind.cast(event))) {
                        return kind.cast(event);
                    }
                }
                long left = end - System.currentTimeMillis();
                if (left <= 0 || !process.isAlive()) {
                    throw new IOException(
                            name + (process.isAlive() ? " was not heard of in time" : " ended") + ": " + lastWords());
                }
                events.wait(Math.min(left, 200));
            }
        }
    }

    /** The last that it said before it ended, for a person. */
    String lastWords() throws IOException {
        List<String> lines = Files.readAllLines(errors).stream()
                .filter(line -> !line.startsWith("WARNING") && !line.isBlank())
                .toList();
        if (!lines.isEmpty()) {
            return lines.getLast();
        }
        return events.isEmpty() ? "it said nothing" : events.getLast().toString();
    }

    @Override
    public void close() {
        // What a child keeps stands in the demo's own folder, which goes too: there is nothing to close in order.
        process.destroyForcibly();
        try {
            process.waitFor(2, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
