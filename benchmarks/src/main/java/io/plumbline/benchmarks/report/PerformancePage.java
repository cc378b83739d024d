package io.plumbline.benchmarks.report;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** docs/performance.md: each headline with what limits it, made from the result files. */
final class PerformancePage {
    private static final String HEAD = """
            # Performance, and what limits it

            Made from `benchmarks/results` and `benchmarks/limits.json`, and held to them by a test:

            ```
            ./plumbline bench report --performance docs/performance.md
            ```

            Each row is a headline: ours, its peer in the same run, ours over the peer's (turned so that above 1 is better),
            what holds it back, and the share of the measured physical limit that it reaches. Where the last column is empty
            the run measured no such limit. [benchmarks.md](benchmarks.md) says how all of it is measured;
            [benchmarks/README.md](../benchmarks/README.md) how to measure it again.

            | headline | ours | peer | times | what limits it | reached |
            | --- | --- | --- | --- | --- | --- |
            """;

    private PerformancePage() {}

    static String of(List<Headline> headlines, Limits limits) {
        StringBuilder page = new StringBuilder(HEAD);
        for (Headline one : headlines) {
            OptionalDouble share = limits.share(one);
            page.append("| [").append(one.name()).append("](../benchmarks/results/");
            page.append(one.name()).append(".json) | ").append(ReportPage.number(one.value()));
            page.append(' ')
                    .append(cell(one.unit()))
                    .append(" | ")
                    .append(cell(one.peer()))
                    .append(": ");
            page.append(ReportPage.number(one.peerValue())).append(" | ");
            page.append(ReportPage.number(one.ratio())).append(" | ");
            page.append(cell(limits.what(one))).append(" | ");
            page.append(share.isEmpty() ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * share.getAsDouble()));
            page.append(" |\n");
        }
        page.append("\nMachines:\n\n");
        for (Object machine :
                headlines.stream().map(Headline::machine).distinct().sorted().toArray()) {
            page.append("- ").append(machine).append('\n');
        }
        return page.toString();
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }
}
