package io.plumbline.benchmarks.compare;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.benchmarks.compare.Comparison.Verdict;
import io.plumbline.benchmarks.report.Headline;
import io.plumbline.benchmarks.suite.Suites;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * {@code plumbline bench compare BEFORE AFTER}: two folders of results, or two commits whose suites are measured in
 * turns. Exit code 1 where a headline is worse.
 */
@Parameters(
        commandNames = "compare",
        commandDescription = "Two folders of results, or two commits, in turns: what changed, and not by chance.")
public final class CompareCommand implements Callable<Integer> {
    @Parameter(description = "BEFORE AFTER: folders of results, or commits", required = true)
    private List<String> sides = new ArrayList<>();

    @Parameter(names = "--suite", description = "of two commits: what is measured, as bench run takes it")
    private List<String> suites = new ArrayList<>();

    @Parameter(names = "--rounds", description = "of two commits: measurements of each, in turns")
    private int rounds = 5;

    @Parameter(
            names = "--noise-floor",
            description = "share of a value that a change must have; of two commits also what the ruler varied by")
    private double floor = Comparison.LEAST_CHANGE;

    private final Path home;
    private final DoubleSupplier ruler;

    public CompareCommand() {
        this(Path.of(""), new Ruler()::read);
    }

    /** @param home of the repository. @param ruler speed of the machine just now. */
    CompareCommand(Path home, DoubleSupplier ruler) {
        this.home = home.toAbsolutePath();
        this.ruler = ruler;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (sides.size() != 2) {
            throw new ParameterException(
                    "Name two folders of results, or two commits: the one before and the one after.");
        }
        if (rounds < 1 || !(floor >= 0)) {
            throw new ParameterException("--rounds is 1 or more, --noise-floor 0 or more.");
        }
        List<Comparison> all = sides.stream().allMatch(side -> Files.isDirectory(Path.of(side)))
                ? folders(Path.of(sides.getFirst()), Path.of(sides.getLast()))
                : commits();
        all.forEach(CompareCommand::print);
        return all.stream().anyMatch(one -> one.verdict() == Verdict.WORSE) ? 1 : 0;
    }

    private List<Comparison> folders(Path before, Path after) throws IOException {
        Map<String, Headline> old =
                Headline.all(before).stream().collect(Collectors.toMap(Headline::name, Function.identity()));
        List<Comparison> all = Headline.all(after).stream()
                .filter(one -> old.containsKey(one.name()))
                .map(one -> Comparison.of(old.get(one.name()), one, floor))
                .toList();
        if (all.isEmpty()) {
            throw new IOException("The two folders have no headline in common.");
        }
        return all;
    }

    private List<Comparison> commits() throws IOException, InterruptedException {
        if (suites.isEmpty()) {
            throw new ParameterException(String.join(" and ", sides)
                    + " are no two folders of results. Where they are commits, say what to measure: --suite hash.");
        }
        List<List<String>> commands = new Suites(home.resolve("benchmarks").resolve("results")).commands(suites);
        Checkout before = Checkout.of(home, sides.getFirst(), commands);
        Checkout after = Checkout.of(home, sides.getLast(), commands);
        return new Turns(before, after, ruler, rounds, floor).compare();
    }

    private static void print(Comparison one) {
        String unclear = Comparison.unclear(one.before(), one.after());
        System.out.printf(
                Locale.ROOT,
                "%-7s %-24s %.4g to %.4g, %+.1f %%%s%s%n",
                one.verdict().name().toLowerCase(Locale.ROOT),
                one.after().name(),
                one.oldValue(),
                one.nowValue(),
                100 * (one.change() - 1),
                Double.isNaN(one.p()) ? "" : String.format(Locale.ROOT, ", p %.2g", one.p()),
                unclear == null ? "" : ", " + unclear);
    }
}
