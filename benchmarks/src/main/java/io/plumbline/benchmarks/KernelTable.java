package io.plumbline.benchmarks;

import io.plumbline.inference.language.engine.Accelerator.KernelTime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Where a GPU's time goes: a line a kernel and shape of each case, the longest first, printed and written to {@code
 * gpu-kernels.tsv}.
 */
final class KernelTable {
    private static final String HEADER =
            "case\tkernel\tshape\tlaunches a step\tus a launch\tus a step\tshare\tGB/s of weights\tTOPS";

    private final Path file;
    private final List<String> lines = new ArrayList<>(List.of(HEADER));

    /** @param results folder, made where it is missing. */
    KernelTable(Path results) throws IOException {
        Files.createDirectories(results);
        this.file = results.resolve("gpu-kernels.tsv");
    }

    /** Takes what was measured in {@code steps} steps of one case. */
    void add(String what, int steps, List<KernelTime> times) throws IOException {
        double all = times.stream().mapToDouble(KernelTime::seconds).sum();
        System.out.printf(Locale.ROOT, "%n%s: kernels take %.0f us a step, one by one%n", what, 1e6 * all / steps);
        List<KernelTime> sorted = new ArrayList<>(times);
        sorted.sort(Comparator.comparingDouble(KernelTime::seconds).reversed());
        for (KernelTime time : sorted) {
            String rate = time.bytes() == 0
                    ? ""
                    : String.format(
                            Locale.ROOT,
                            "%6.0f GB/s %6.0f TOPS",
                            time.bytes() / time.seconds() / 1e9,
                            time.operations() / time.seconds() / 1e12);
            System.out.printf(
                    Locale.ROOT,
                    "  %-24s %-28s %5.1f x %8.1f us = %9.1f us, %4.1f %% %s%n",
                    time.kernel(),
                    time.shape(),
                    (double) time.launches() / steps,
                    1e6 * time.seconds() / time.launches(),
                    1e6 * time.seconds() / steps,
                    100 * time.seconds() / all,
                    rate);
            lines.add(String.format(
                    Locale.ROOT,
                    "%s\t%s\t%s\t%.3f\t%.2f\t%.2f\t%.4f\t%s\t%s",
                    what,
                    time.kernel(),
                    time.shape(),
                    (double) time.launches() / steps,
                    1e6 * time.seconds() / time.launches(),
                    1e6 * time.seconds() / steps,
                    time.seconds() / all,
                    time.bytes() == 0 ? "" : String.format(Locale.ROOT, "%.1f", time.bytes() / time.seconds() / 1e9),
                    time.operations() == 0
                            ? ""
                            : String.format(Locale.ROOT, "%.2f", time.operations() / time.seconds() / 1e12)));
        }
        Files.write(file, lines);
    }
}
