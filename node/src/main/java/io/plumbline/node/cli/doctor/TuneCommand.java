package io.plumbline.node.cli.doctor;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.HostProfile;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** {@code plumbline tune}. */
@Parameters(
        commandNames = "tune",
        commandDescription = "Measure this host, and write a profile that inference nodes and serve read (--profile).")
public final class TuneCommand extends CommandOptions implements Callable<Integer> {
    private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(100);

    /** Rows whose rates are measured; a step has 64 or more of them, since each step has costs of its own. */
    private static final int[] ROWS = {1, 16, 64, 128, 256, 512};

    private static final int LEAST_ROWS = 64;

    /** A rate so near to the best is as good: what is smaller leaves room to others. */
    private static final double AS_GOOD = 0.97;

    @Parameter(names = "--out", description = "FILE: the profile, in TOML")
    private Path out = Path.of(System.getProperty("user.home"), ".plumbline", "host.toml");

    @Parameter(names = "--dir", description = "DIR: whose disk is measured; the current folder otherwise")
    private Path dir = Path.of(".");

    @Parameter(names = "--quick", description = "measure a tenth as long, for a look: the profile is rough")
    private boolean quick;

    private final Map<String, String> measured = new LinkedHashMap<>();

    private record Best(Backend form, int threads, double rate) {}

    @Override
    public Integer call() throws IOException {
        if (!HostProfile.is(out)) {
            throw new IOException("--out: a profile's name ends in .toml, unlike " + out + ".");
        }
        long end = System.nanoTime() + LONGEST_NS;
        HostProfile profile;
        try (Measures measures = new Measures(quick ? 30 : 300, quick ? 0.125 : 1)) {
            memory(measures);
            profile = compute(measures, end);
            tell("hash-gb-s", "%.2f", measures.hash());
        }
        double[] syncs = Trials.syncMs(dir.toAbsolutePath().normalize());
        tell("fsync-ms", "%.2f", syncs[syncs.length / 2]);
        tell("fsync-worst-ms", "%.2f", syncs[syncs.length - 1]);
        double[] trips = Trials.tripsUs();
        tell("loopback-us", "%.0f", trips[trips.length / 2]);
        write(profile);
        Terminal.print("Use it by --profile " + out + ", or profile = \"" + out + "\" in a configuration file.");
        return 0;
    }

    /** One thread, as many as there are, and the powers of two between. */
    static List<Integer> threadCounts(int processors) {
        TreeSet<Integer> counts = new TreeSet<>(List.of(1, processors));
        for (int count = 2; count < processors; count *= 2) {
            counts.add(count);
        }
        return List.copyOf(counts);
    }

    private static int processors() {
        return Runtime.getRuntime().availableProcessors();
    }

    private void memory(Measures measures) {
        for (int threads : threadCounts(processors())) {
            tell("memory-gb-s-" + threads, "%.1f", measures.memory(threads));
        }
    }

    private HostProfile compute(Measures measures, long end) {
        List<Best> all = new ArrayList<>();
        List<Backend> forms = Backend.all();
        // The specification is for comparison; where nothing else is here it is what computes.
        for (Backend form : forms.size() > 1 ? forms.subList(0, forms.size() - 1) : forms) {
            for (int threads : threadCounts(processors())) {
                if (System.nanoTime() < end) {
                    double rate = measures.int8(form, threads, 64);
                    tell("int8-gops-" + form.name().replace(' ', '-') + "-" + threads, "%.1f", rate);
                    all.add(new Best(form, threads, rate));
                }
            }
        }
        double best = all.stream().mapToDouble(Best::rate).max().orElseThrow();
        Best chosen = all.stream()
                .filter(one -> one.rate >= AS_GOOD * best)
                .min((one, other) -> Integer.compare(one.threads, other.threads))
                .orElseThrow();
        return new HostProfile(chosen.form.name(), chosen.threads, batchRows(measures, chosen, end));
    }

    /** The fewest rows that are as fast, each, as any: more of a prompt in a step has other answers wait. */
    private int batchRows(Measures measures, Best chosen, long end) {
        Map<Integer, Double> rates = new LinkedHashMap<>();
        for (int rows : ROWS) {
            if (rates.isEmpty() || System.nanoTime() < end) {
                double rate = measures.int8(chosen.form, chosen.threads, rows);
                tell("int8-gops-of-" + rows + "-rows", "%.1f", rate);
                if (rows >= LEAST_ROWS) {
                    rates.put(rows, rate);
                }
            }
        }
        return fewest(rates);
    }

    /** @param rates by rows, at least one. */
    static int fewest(Map<Integer, Double> rates) {
        double best = rates.values().stream().mapToDouble(rate -> rate).max().orElseThrow();
        return rates.entrySet().stream()
                .filter(one -> one.getValue() >= AS_GOOD * best)
                .mapToInt(Map.Entry::getKey)
                .min()
                .orElseThrow();
    }

    private void tell(String what, String format, double value) {
        String text = String.format(Locale.ROOT, format, value);
        measured.put(what, text);
        Terminal.print(String.format(Locale.ROOT, "%-36s %s", what, text));
    }

    private void write(HostProfile profile) throws IOException {
        List<String> lines = new ArrayList<>(List.of(
                "# By plumbline tune, " + Instant.now().truncatedTo(ChronoUnit.SECONDS)
                        + (quick ? ", --quick: rough." : "."),
                "# What the command line, the environment or a configuration file names goes before [use].",
                "",
                "[host]",
                "processor = " + quoted(HostProfile.processor()),
                "processors = " + processors(),
                "",
                "[use]",
                "kernels = " + quoted(profile.kernels()),
                "threads = " + profile.threads(),
                "batch-rows = " + profile.batchRows(),
                "",
                "[measured]"));
        measured.forEach((what, value) -> lines.add(what + " = " + value));
        Path file = out.toAbsolutePath();
        Files.createDirectories(file.getParent());
        Path partial = file.resolveSibling(file.getFileName() + ".partial");
        Files.writeString(partial, lines.stream().collect(Collectors.joining("\n", "", "\n")));
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
