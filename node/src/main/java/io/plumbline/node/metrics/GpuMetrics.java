package io.plumbline.node.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The state of the host's NVIDIA GPUs, as {@code nvidia-smi} tells it now and then, which comes with their driver.
 * Where it is not there, neither are these metrics: this class needs no GPU's library, and full nodes have none.
 */
final class GpuMetrics implements MeterBinder, AutoCloseable {
    private static final String PROGRAM = "nvidia-smi";
    private static final long LOOK_S = 15;
    private static final long ANSWER_S = 10;
    private static final int MAX_GPUS = 64;
    private static final double MIB = 1 << 20;

    private final Path program;
    private final Thread thread;
    private Map<Column, MultiGauge> gauges;

    /** Columns that are asked for, in their order. */
    private enum Column {
        UTILIZATION("utilization.gpu", "plumbline.gpu.utilization", "Share of time in which a kernel ran", 0.01),
        MEMORY_USED("memory.used", "plumbline.gpu.memory.used.bytes", "Memory that is taken, by any program", MIB),
        MEMORY_TOTAL("memory.total", "plumbline.gpu.memory.total.bytes", "Memory that there is", MIB),
        TEMPERATURE("temperature.gpu", "plumbline.gpu.temperature.celsius", "Temperature of the chip", 1),
        POWER("power.draw", "plumbline.gpu.power.watts", "Power that is drawn", 1),
        UNCORRECTED(
                "ecc.errors.uncorrected.volatile.total",
                "plumbline.gpu.memory.uncorrected.errors",
                "Memory errors that ECC could not correct since the driver was loaded",
                1);

        private final String asked;
        private final String metric;
        private final String help;
        private final double unit;

        Column(String asked, String metric, String help, double unit) {
            this.asked = asked;
            this.metric = metric;
            this.help = help;
            this.unit = unit;
        }
    }

    /** As Prometheus has them. */
    static List<String> names() {
        return Arrays.stream(Column.values())
                .map(column -> column.metric.replace('.', '_'))
                .toList();
    }

    GpuMetrics() {
        this(find());
    }

    /** @param program null where there is none. */
    GpuMetrics(Path program) {
        this.program = program;
        this.thread = Thread.ofPlatform().daemon().name("gpu-metrics").unstarted(this::run);
    }

    private static Path find() {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path candidate = Path.of(folder, PROGRAM);
            if (Files.isExecutable(candidate)) {
                return candidate;
            }
        }
        return null;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        if (program == null) {
            return;
        }
        gauges = new LinkedHashMap<>();
        for (Column column : Column.values()) {
            gauges.put(
                    column,
                    MultiGauge.builder(column.metric).description(column.help).register(registry));
        }
        thread.start();
    }

    private void run() {
        try {
            while (true) {
                look();
                TimeUnit.SECONDS.sleep(LOOK_S);
            }
        } catch (InterruptedException e) {
            // Closed.
        }
    }

    /** Reads once; what cannot be read is left out. */
    void look() throws InterruptedException {
        List<String[]> rows = new ArrayList<>();
        try {
            rows = rows();
        } catch (IOException e) {
            // The driver may be being renewed.
        }
        for (Map.Entry<Column, MultiGauge> gauge : gauges.entrySet()) {
            List<MultiGauge.Row<?>> values = new ArrayList<>();
            for (String[] row : rows) {
                double value = number(row[1 + gauge.getKey().ordinal()]) * gauge.getKey().unit;
                if (!Double.isNaN(value)) {
                    values.add(MultiGauge.Row.of(Tags.of("gpu", row[0].strip()), value));
                }
            }
            gauge.getValue().register(values, true);
        }
    }

    private List<String[]> rows() throws IOException, InterruptedException {
        StringBuilder query = new StringBuilder("--query-gpu=index");
        for (Column column : Column.values()) {
            query.append(',').append(column.asked);
        }
        Process asked = new ProcessBuilder(program.toString(), query.toString(), "--format=csv,noheader,nounits")
                .redirectErrorStream(true)
                .start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(asked.getInputStream(), StandardCharsets.UTF_8))) {
            if (!asked.waitFor(ANSWER_S, TimeUnit.SECONDS) || asked.exitValue() != 0) {
                return List.of();
            }
            return lines.lines()
                    .limit(MAX_GPUS)
                    .map(line -> line.split(","))
                    .filter(row -> row.length == 1 + Column.values().length)
                    .toList();
        } finally {
            asked.destroyForcibly();
        }
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            // "[N/A]".
            return Double.NaN;
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
