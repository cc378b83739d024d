package io.plumbline.node.data;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

/**
 * The metrics of a data node's storage deals.
 *
 * @param keeper that is read; null where only their names are wanted.
 */
public record DealMetrics(DealKeeper keeper) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        Gauge.builder("plumbline.storage.deals", () -> keeper == null ? 0 : keeper.deals())
                .description("Storage deals that this data node holds")
                .register(registry);
        Gauge.builder("plumbline.storage.collateral", () -> keeper == null ? 0 : keeper.collateral())
                .description("Stake that they reserve, in the ledger's smallest unit")
                .register(registry);
    }
}
