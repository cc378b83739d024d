package io.plumbline.benchmarks.compare;

import io.plumbline.benchmarks.report.Headline;
import io.plumbline.benchmarks.suite.RunCommand;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A commit of this repository in a folder of its own under {@code target/compare}, where it stays for next time. */
final class Checkout implements Turns.Side {
    private final String commit;
    private final Path folder;
    private final List<List<String>> commands;
    private int round;

    private Checkout(String commit, Path folder, List<List<String>> commands) {
        this.commit = commit;
        this.folder = folder;
        this.commands = commands;
    }

    /**
     * Checks out a commit and builds it.
     *
     * @param home of the repository.
     * @param name of a commit, as git takes it.
     * @throws IOException where there is no such commit, or it cannot be built.
     */
    static Checkout of(Path home, String name, List<List<String>> commands) throws IOException, InterruptedException {
        String commit = resolve(home, name);
        Path folder = home.resolve("target").resolve("compare").resolve(commit.substring(0, 12));
        if (!Files.exists(folder)) {
            Files.createDirectories(folder.getParent());
            if (run(
                            home,
                            "git",
                            "worktree",
                            "add",
                            "--detach",
                            folder.toAbsolutePath().toString(),
                            commit)
                    != 0) {
                throw new IOException(
                        "git could not check " + name + " out into " + folder + "; its words stand above.");
            }
        }
        System.err.println("bench compare: building " + name + " in " + folder);
        if (run(folder, "bash", "plumbline", "bench", "--help") != 0) {
            throw new IOException(name + " cannot be built; the reason stands above.");
        }
        return new Checkout(commit, folder, commands);
    }

    /** The whole hash of a commit. */
    private static String resolve(Path home, String name) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        "git", "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}")
                .directory(home.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String commit = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0 || !commit.matches("[0-9a-f]{40,64}")) {
            throw new IOException(name + " is neither a folder of results nor a commit of this repository.");
        }
        return commit;
    }

    private static int run(Path in, String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command)
                .directory(in.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
                .waitFor();
    }

    @Override
    public Map<String, Headline> measure() throws IOException, InterruptedException {
        Path results =
                folder.resolve("target").resolve("rounds").resolve("" + round++).toAbsolutePath();
        if (Files.isDirectory(results)) {
            // Of another comparison: what is not measured now must not be taken for a result of now.
            for (Headline old : Headline.all(results)) {
                Files.delete(results.resolve(old.name() + ".json"));
            }
        }
        System.err.println("bench compare: " + commit.substring(0, 12) + ", round " + round);
        for (List<String> command : commands) {
            int code = RunCommand.run(folder, command, results);
            if (code != 0) {
                throw new IOException(String.join(" ", command) + " of " + commit.substring(0, 12)
                        + " ended with exit code " + code + "; its words stand above.");
            }
        }
        Map<String, Headline> byName = new HashMap<>();
        Headline.all(results).forEach(one -> byName.put(one.name(), one));
        return byName;
    }
}
