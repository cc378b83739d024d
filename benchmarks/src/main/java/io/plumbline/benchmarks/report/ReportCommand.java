package io.plumbline.benchmarks.report;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline bench report}: all results on one page, with how each came to be, from the repository's history. */
@Parameters(
        commandNames = "report",
        commandDescription = "All results on one HTML page: peers, spread, history, the command that measures again.")
public final class ReportCommand implements Callable<Integer> {
    @Parameter(names = "--results", description = "DIR: of result files")
    private Path results = Path.of("benchmarks", "results");

    @Parameter(names = "--out", description = "FILE: the page")
    private Path out = Path.of("target", "benchmarks.html");

    @Parameter(names = "--performance", description = "FILE: the same as a table in Markdown, with what limits each")
    private Path performance;

    @Override
    public Integer call() throws IOException {
        List<ReportPage.Entry> entries = new ArrayList<>();
        List<Headline> all = Headline.all(results);
        Limits limits = Limits.beside(results);
        if (performance != null) {
            Files.writeString(performance, PerformancePage.of(all, limits));
            System.out.println(performance.toAbsolutePath());
        }
        for (Headline headline : all) {
            entries.add(new ReportPage.Entry(headline, history(results.resolve(headline.name() + ".json"))));
        }
        if (out.toAbsolutePath().getParent() != null) {
            Files.createDirectories(out.toAbsolutePath().getParent());
        }
        Files.writeString(out, ReportPage.of(entries, limits));
        System.out.println(out.toAbsolutePath());
        return 0;
    }

    /** Each value that a file has had, oldest first; those that cannot be read are left out. */
    private static List<Headline> history(Path file) throws IOException {
        List<Headline> values = new ArrayList<>();
        for (String commit : run("git", "log", "--reverse", "--format=%h", "--", file.toString())
                .split("\n")) {
            if (!commit.isBlank()) {
                try {
                    values.add(Headline.parse(
                            run("git", "show", commit + ":./" + file.toString().replace('\\', '/')), commit));
                } catch (IOException e) {
                    // Of a form before this one.
                }
            }
        }
        return values;
    }

    private static String run(String... command) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
}
