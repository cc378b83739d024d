package io.plumbline.benchmarks.report;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * {@code plumbline bench compare BEFORE AFTER}: two folders of results, headline by headline. A change is one where the
 * readings of the two do not overlap; exit code 1 where one is for the worse.
 */
@Parameters(
        commandNames = "compare",
        commandDescription = "Two folders of results: what changed by more than the readings' spread.")
public final class CompareCommand implements Callable<Integer> {
    /** A change by less is not worth a word, however quiet the host. */
    private static final double LEAST_CHANGE = 0.02;

    @Parameter(description = "BEFORE AFTER", required = true, converter = PathConverter.class)
    private List<Path> folders = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (folders.size() != 2) {
            throw new IOException("Name two folders of results, the one before and the one after.");
        }
        Map<String, Headline> before = Headline.all(folders.getFirst()).stream()
                .collect(Collectors.toMap(Headline::name, Function.identity()));
        boolean isWorse = false;
        int compared = 0;
        for (Headline after : Headline.all(folders.getLast())) {
            Headline old = before.get(after.name());
            if (old == null) {
                continue;
            }
            compared++;
            double change = after.isLessBetter() ? old.value() / after.value() : after.value() / old.value();
            Verdict verdict = verdict(old, after, change);
            isWorse |= verdict == Verdict.WORSE;
            System.out.printf(
                    Locale.ROOT,
                    "%-7s %-24s %.4g to %.4g, %+.1f %%%s%n",
                    verdict.name().toLowerCase(Locale.ROOT),
                    after.name(),
                    old.value(),
                    after.value(),
                    100 * (change - 1),
                    old.machine().equals(after.machine()) ? "" : ", of two machines");
        }
        if (compared == 0) {
            throw new IOException("The two folders have no headline in common.");
        }
        return isWorse ? 1 : 0;
    }

    /** Outcome of two results of one headline. */
    enum Verdict {
        BETTER,
        WORSE,
        SAME,
        /** Two machines tell nothing of the code. */
        UNCLEAR
    }

    /** @param change above 1 for the better. */
    static Verdict verdict(Headline before, Headline after, double change) {
        if (!before.machine().equals(after.machine())) {
            return Verdict.UNCLEAR;
        }
        double[] old = before.range();
        double[] now = after.range();
        boolean overlap = old[0] <= now[1] && now[0] <= old[1];
        if (overlap || Math.abs(change - 1) < LEAST_CHANGE) {
            return Verdict.SAME;
        }
        return change > 1 ? Verdict.BETTER : Verdict.WORSE;
    }
}
