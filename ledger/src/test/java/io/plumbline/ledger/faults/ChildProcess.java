package io.plumbline.ledger.faults;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A JVM in a network namespace of its own, spoken to by lines. */
final class ChildProcess {
    private static final long ANSWER_S = 60;
    private static final int REMEMBERED = 20;

    private final String name;
    private final Process process;
    private final ConcurrentLinkedQueue<String> last = new ConcurrentLinkedQueue<>();
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    /**
     * @param options of its JVM.
     * @param heard told of every line.
     */
    ChildProcess(
            String name,
            String namespace,
            Class<?> main,
            List<String> options,
            List<String> arguments,
            Consumer<String> heard)
            throws IOException {
        this.name = name;
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "--add-exports",
                "java.base/jdk.internal.misc=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m"));
        command.addAll(options);
        command.addAll(List.of(
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                main.getName()));
        command.addAll(arguments);
        process = new ProcessBuilder(command).redirectErrorStream(true).start();
        Thread.ofPlatform().daemon().start(() -> {
            try (BufferedReader out =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line; (line = out.readLine()) != null; ) {
                    heard.accept(line);
                    last.add(line);
                    if (last.size() > REMEMBERED) {
                        last.poll();
                    }
                    lines.add(line);
                }
            } catch (IOException e) {
                // It was killed.
            }
        });
    }

    void tell(String order) {
        try {
            OutputStream in = process.getOutputStream();
            in.write((order + "\n").getBytes(StandardCharsets.UTF_8));
            in.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(name + " hears nothing any more: " + order, e);
        }
    }

    /** The rest of the next line that begins with this word. */
    String await(String word) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(ANSWER_S);
        while (System.nanoTime() < end) {
            String line = lines.poll(100, TimeUnit.MILLISECONDS);
            if (line != null && (line.equals(word) || line.startsWith(word + " "))) {
                return line.substring(word.length()).strip();
            }
            if (line == null && !process.isAlive()) {
                throw new IllegalStateException(
                        name + " has ended, and never said \"" + word + "\", but\n" + String.join("\n", last));
            }
        }
        throw new IllegalStateException(name + " did not say \"" + word + "\" within " + ANSWER_S + " s.");
    }

    String ask(String order) throws InterruptedException {
        lines.removeIf(line -> line.startsWith(order.split(" ")[0]));
        tell(order);
        return await(order.split(" ")[0]);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Its exit status, when it ends by itself. */
    int awaitEnd() throws InterruptedException {
        if (!process.waitFor(ANSWER_S, TimeUnit.SECONDS)) {
            throw new IllegalStateException(name + " lingers.");
        }
        return process.exitValue();
    }

    void signal(String which) throws IOException, InterruptedException {
        // The process that "ip netns exec" became.
        new ProcessBuilder("kill", "-" + which, "" + process.pid()).start().waitFor();
        if (which.equals("KILL")) {
            process.waitFor();
        }
    }
}
