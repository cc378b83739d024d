package io.plumbline.node.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By programs that say what nvidia-smi says. */
class GpuMetricsTest {
    @TempDir
    Path folder;

    private SimpleMeterRegistry after(String script) throws Exception {
        Path program = folder.resolve("nvidia-smi");
        Files.writeString(program, "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (GpuMetrics gpus = new GpuMetrics(program)) {
            gpus.bindTo(registry);
            gpus.look();
        }
        return registry;
    }

    private static double value(SimpleMeterRegistry registry, String name, String gpu) {
        return registry.get(name).tag("gpu", gpu).gauge().value();
    }

    @Test
    void whatEachGpuSaysIsAMetricInItsUnit() throws Exception {
        SimpleMeterRegistry registry =
                after("echo '0, 50, 1024, 81559, 41, 120.5, 2'; echo '1, 0, 1, 81559, [N/A], 60.1, [N/A]'");
        assertEquals(0.5, value(registry, "plumbline.gpu.utilization", "0"));
        assertEquals(1024L << 20, value(registry, "plumbline.gpu.memory.used.bytes", "0"));
        assertEquals(60.1, value(registry, "plumbline.gpu.power.watts", "1"));
        assertEquals(2, value(registry, "plumbline.gpu.memory.uncorrected.errors", "0"));
        for (String untold : List.of("plumbline.gpu.temperature.celsius", "plumbline.gpu.memory.uncorrected.errors")) {
            assertNull(registry.find(untold).tag("gpu", "1").gauge());
        }
    }

    @Test
    void withoutADriverThereAreNone() throws Exception {
        assertEquals(
                0, after("echo 'NVIDIA-SMI has failed'; exit 9").getMeters().size());
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        new GpuMetrics(null).bindTo(registry);
        assertEquals(0, registry.getMeters().size());
    }
}
