package io.plumbline.node.data;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.plumbline.data.store.BlobStore;

/**
 * The metrics of a data node's store.
 *
 * @param store that is read; null where only their names are wanted.
 */
public record StoreMetrics(BlobStore store) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        Gauge.builder("plumbline.blobs", () -> store == null ? 0 : store.usage().blobs())
                .description("Blobs that are here whole")
                .register(registry);
        Gauge.builder(
                        "plumbline.blobs.used",
                        () -> store == null ? 0 : store.usage().bytes())
                .description("Bytes of blobs, those that are on their way included")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder(
                        "plumbline.blobs.quota",
                        () -> store == null ? 0 : store.usage().quotaBytes())
                .description("Bytes that blobs may have together")
                .baseUnit("bytes")
                .register(registry);
    }
}
