package io.plumbline.benchmarks.suite;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.benchmarks.Environment;
import io.plumbline.benchmarks.report.Headline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * {@code plumbline bench run SUITE...}: the commands of suites, one after the other. Nothing is measured before all
 * that they need was found here.
 */
@Parameters(
        commandNames = "run",
        commandDescription = "Suites by name: a headline, what a command measures, or smoke, which runs a bit of all.")
public final class RunCommand implements Callable<Integer> {
    /** Commands beside those of {@code bench} that write headlines. */
    private static final Set<String> HAVE_HEADLINES = Set.of("load sessions");

    @Parameter(description = "SUITE ...", required = true)
    private List<String> names = new ArrayList<>();

    @Parameter(
            names = "--results",
            description = "DIR: where results are written; those of a smoke run into DIR/smoke, for they say nothing",
            converter = PathConverter.class)
    private Path results = Path.of("target", "results");

    @Parameter(
            names = "--isa",
            description = "instruction sets that the host must have, as Linux names them: avx512_vnni,avx512f")
    private List<String> isa = new ArrayList<>();

    /** Of the results that are kept with the sources, whose commands are run. */
    private final Path kept = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws IOException, InterruptedException {
        Suites suites = new Suites(kept);
        List<List<String>> commands = suites.commands(names);
        requireInstructionSets(isa, Environment.instructionSets());
        for (List<String> command : commands) {
            String missing = Peers.missing(command, new Peers.Host(System.getenv()));
            if (missing != null) {
                throw new IOException(String.join(" ", command) + ": " + missing + ". Nothing was measured.");
            }
        }
        Path folder = names.contains(Suites.SMOKE) ? results.resolve(Suites.SMOKE) : results;
        Instant begin = Instant.now();
        List<String> failed = new ArrayList<>();
        for (List<String> command : commands) {
            System.err.println("bench run: " + String.join(" ", command));
            int code = run(Path.of(""), command, folder);
            if (code != 0) {
                failed.add(String.join(" ", command) + " (exit code " + code + ")");
            }
        }
        show(folder, begin);
        if (!failed.isEmpty()) {
            throw new IOException("Of " + commands.size() + " commands failed: " + String.join("; ", failed)
                    + ". Their own words stand above.");
        }
        return 0;
    }

    /** @throws IOException naming those of {@code wanted} that the host does not have. */
    static void requireInstructionSets(List<String> wanted, Set<String> here) throws IOException {
        List<String> missing =
                wanted.stream().filter(one -> !here.contains(one)).toList();
        if (!missing.isEmpty()) {
            throw new IOException("This host has no " + String.join(", ", missing) + "; it has "
                    + (here.isEmpty() ? "none that is known here" : String.join(", ", here))
                    + ". Run on one that has it, or leave out --isa.");
        }
    }

    /**
     * Runs a command of a suite.
     *
     * @param home of the checkout that it is of.
     * @param results folder that it writes its results into; relative ones are {@code home}'s.
     * @return its exit code.
     */
    public static int run(Path home, List<String> command, Path results) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(command);
        words.set(0, "bash");
        words.add(1, "plumbline");
        if (HAVE_HEADLINES.contains(command.get(1) + " " + command.get(2))
                || command.get(1).equals("bench")) {
            words.addAll(List.of("--results", results.toString()));
        }
        if (command.get(1).equals("load")) {
            words.addAll(List.of(
                    "--out",
                    results.resolve("load").resolve(command.get(2) + ".json").toString()));
        }
        return new ProcessBuilder(words)
                .directory(home.toAbsolutePath().toFile())
                .inheritIO()
                .start()
                .waitFor();
    }

    /** Says what was written since {@code begin}, and the trace root where one was computed. */
    private void show(Path folder, Instant begin) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        for (Headline one : Headline.all(folder)) {
            FileTime written = Files.getLastModifiedTime(folder.resolve(one.name() + ".json"));
            if (written.toInstant().isBefore(begin)) {
                continue;
            }
            String root = one.traceRoot();
            System.out.printf(
                    Locale.ROOT,
                    "%-24s %.4g %s, %.3g times %s%s%n",
                    one.name(),
                    one.value(),
                    one.unit(),
                    one.ratio(),
                    one.peer(),
                    root.isEmpty() ? "" : "; trace root " + root);
        }
        System.out.println("Results are in " + folder + ". ./plumbline bench compare " + kept + " " + folder
                + " sets them beside those of the sources, on the same machine.");
    }
}
