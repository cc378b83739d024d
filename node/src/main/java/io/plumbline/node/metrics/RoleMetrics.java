package io.plumbline.node.metrics;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.network.Event;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** One process's metrics: those that every role has, and those that its role adds to {@link #registry}. */
public final class RoleMetrics implements AutoCloseable {
    /** The text format of Prometheus. */
    private static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics collector = new JvmGcMetrics();
    private final GpuMetrics gpus = new GpuMetrics();
    private final EventMetrics events;

    public RoleMetrics() {
        events = new EventMetrics(registry);
        new JvmMemoryMetrics().bindTo(registry);
        collector.bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ClassLoaderMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        gpus.bindTo(registry);
        Gauge.builder("plumbline.process.resident", RoleMetrics::residentBytes)
                .description("Memory of the process that is in the host's: heap, code, and what is allocated natively")
                .baseUnit("bytes")
                .register(registry);
    }

    /** For what a role adds. */
    public MeterRegistry registry() {
        return registry;
    }

    /** Hears the process's events. */
    public Consumer<Event> events() {
        return events;
    }

    /** Adds {@code /metrics}. */
    public void addTo(HttpRoutes routes) {
        routes.get("/metrics", this::answer);
    }

    /** All of them, as Prometheus reads them. */
    public String scrape() {
        return registry.scrape();
    }

    private void answer(HttpExchange http) throws IOException {
        http.responseHeader("Content-Type", CONTENT_TYPE);
        http.send(200, scrape().getBytes(StandardCharsets.UTF_8));
    }

    /** NaN where the host does not say. */
    private static double residentBytes() {
        try {
            List<String> lines = Files.readAllLines(STATUS);
            return lines.stream()
                    .filter(line -> line.startsWith(RESIDENT))
                    .mapToDouble(line -> 1024 * Double.parseDouble(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException | NumberFormatException e) {
            return Double.NaN;
        }
    }

    @Override
    public void close() {
        gpus.close();
        collector.close();
        registry.close();
    }
}
