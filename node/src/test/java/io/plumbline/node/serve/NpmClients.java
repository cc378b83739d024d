package io.plumbline.node.serve;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Clients of npm's, as their makers publish them: their versions are pinned, and installed where npm is. */
public final class NpmClients {
    private static final Path SOURCE = Path.of("src/test/clients");
    private static final Path FOLDER = Path.of("target/clients");
    private static final String LOCK = "package-lock.json";

    private NpmClients() {}

    /** What a program has printed, and how it ended; null where there is none of its name. */
    private record Ended(int code, String said) {}

    private static Ended run(Path folder, String... command) throws IOException, InterruptedException {
        return run(folder, Map.of(), command);
    }

    private static Ended run(Path folder, Map<String, String> variables, String... command)
            throws IOException, InterruptedException {
        Path said = Files.createTempFile("plumbline-npm", ".log");
        try {
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile());
            builder.environment().putAll(variables);
            Process process = builder.start();
            if (!process.waitFor(5, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError(String.join(" ", command) + " did not end: " + Files.readString(said));
            }
            return new Ended(process.exitValue(), Files.readString(said));
        } catch (IOException e) {
            return null;
        } finally {
            Files.delete(said);
        }
    }

    /** Installs them, where they are not yet. Skips the test where there is no Node.js, npm or registry. */
    public static void install() throws IOException, InterruptedException {
        Ended version = run(Path.of("."), "node", "--version");
        assumeTrue(version != null && version.code == 0, "Node.js is not here: clients of npm's are not tried");
        Files.createDirectories(FOLDER);
        // Test classes of two processes may come here at once.
        try (FileChannel lock = FileChannel.open(FOLDER.resolve("lock"), CREATE, WRITE);
                FileLock _ = lock.lock()) {
            installOnce();
        }
    }

    private static void installOnce() throws IOException, InterruptedException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> all = Files.list(SOURCE)) {
            files.addAll(all.filter(Files::isRegularFile).toList());
        }
        for (Path file : files) {
            copyWhereItDiffers(file, FOLDER.resolve(file.getFileName()));
        }
        Path installed = FOLDER.resolve("installed-" + LOCK);
        if (!isCopied(SOURCE.resolve(LOCK), installed)) {
            Ended ended = run(FOLDER, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
            assumeTrue(ended != null, "npm is not here: its clients are not tried");
            assumeTrue(
                    ended.code == 0 || !ended.said.matches("(?s).*(ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT).*"),
                    "npm's registry is not reached: its clients are not tried");
            assertEquals(0, ended.code, ended.said);
            copyWhereItDiffers(SOURCE.resolve(LOCK), installed);
        }
    }

    private static boolean isCopied(Path file, Path copy) throws IOException {
        return Files.exists(copy) && Files.mismatch(copy, file) < 0;
    }

    private static void copyWhereItDiffers(Path file, Path copy) throws IOException {
        if (!isCopied(file, copy)) {
            Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Has a client do what its users do. */
    static void check(String client, String base) throws IOException, InterruptedException {
        check(client, Map.of(), base);
    }

    /**
     * As {@link #check(String, String)}, over TLS and with API keys.
     *
     * @param certificate that the client is to trust.
     */
    static void check(String client, String base, Path certificate, String... keys)
            throws IOException, InterruptedException {
        String[] arguments = new String[1 + keys.length];
        arguments[0] = base;
        System.arraycopy(keys, 0, arguments, 1, keys.length);
        check(client, Map.of("NODE_EXTRA_CA_CERTS", certificate.toAbsolutePath().toString()), arguments);
    }

    /**
     * As {@link #check(String, String)}.
     *
     * @param variables of its environment, beside this process's.
     */
    public static void check(String client, Map<String, String> variables, String... arguments)
            throws IOException, InterruptedException {
        install();
        List<String> command = new ArrayList<>(List.of("node", client + ".mjs"));
        command.addAll(List.of(arguments));
        Ended ended = run(FOLDER, variables, command.toArray(String[]::new));
        assertEquals(client + ": good", ended.said.strip().lines().reduce("", (before, last) -> last), ended.said);
        assertEquals(0, ended.code, ended.said);
    }
}
