package io.plumbline.node.metrics;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.io.File;
import java.nio.file.Path;

/**
 * The disk that a role's data is on. How many days are left is Prometheus's to say, by how the room has shrunk.
 *
 * @param folder of the role; null where only the names are wanted.
 */
public record DiskMetrics(Path folder) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        File file = folder == null ? new File("") : folder.toFile();
        // Of a folder that is not there yet both are 0, and no error.
        Gauge.builder("plumbline.disk.free", file, File::getUsableSpace)
                .description("Bytes that the disk of the role's folder has left for it")
                .baseUnit("bytes")
                .strongReference(true)
                .register(registry);
        Gauge.builder("plumbline.disk.size", file, File::getTotalSpace)
                .description("Bytes that the disk of the role's folder has")
                .baseUnit("bytes")
                .strongReference(true)
                .register(registry);
    }
}
