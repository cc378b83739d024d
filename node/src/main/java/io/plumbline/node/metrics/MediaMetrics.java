package io.plumbline.node.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Media;
import java.util.Locale;

/**
 * Counts of a process's media driver and sessions.
 *
 * @param media of the process.
 * @param endpoint that its sessions are of.
 */
public record MediaMetrics(Media media, Endpoint endpoint) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        for (Media.Counter counter : Media.Counter.values()) {
            // The state object of a counter is held weakly: the registry lives as long as its counters.
            FunctionCounter.builder("plumbline.media", registry, its -> media == null ? 0 : media.count(counter))
                    .description("What Aeron's media driver counts: errors, loss (NAKs, retransmits, filled gaps), back"
                            + " pressure, bytes")
                    .tag("counter", counter.name().toLowerCase(Locale.ROOT))
                    .register(registry);
        }
        Gauge.builder("plumbline.sessions", () -> endpoint == null ? 0 : endpoint.sessions())
                .description("Encrypted sessions with other processes")
                .register(registry);
        FunctionCounter.builder(
                        "plumbline.messages.malformed", registry, its -> endpoint == null ? 0 : endpoint.dropped())
                .description("Messages of others that were dropped because they could not be read")
                .register(registry);
    }
}
