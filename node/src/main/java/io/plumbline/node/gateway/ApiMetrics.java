package io.plumbline.node.gateway;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.node.metrics.TokenTimes;

/** The metrics of what serves the APIs, a gateway or a server alone: answers as their clients see them. */
public final class ApiMetrics {
    private final TokenTimes times;
    private final Counter answered;
    private final Counter failed;
    private final Counter refused;
    private final Counter tokens;

    /**
     * Declares them.
     *
     * @param server that is read; null where only their names are wanted.
     */
    public ApiMetrics(MeterRegistry registry, ApiServer server) {
        times = new TokenTimes(registry, "plumbline.api", "as it comes to the gateway or server");
        answered = answers(registry, "answered");
        failed = answers(registry, "failed");
        refused = answers(registry, "refused");
        tokens = Counter.builder("plumbline.api.generation.tokens")
                .description("Tokens of answers that came")
                .register(registry);
        Gauge.builder("plumbline.api.requests.running", () -> server == null ? 0 : server.underWay())
                .description("HTTP requests that are being answered")
                .register(registry);
    }

    private static Counter answers(MeterRegistry registry, String outcome) {
        return Counter.builder("plumbline.api.answers")
                .description("Answers that were asked for, one for each choice and each try at a node, by what became"
                        + " of them")
                .tag("outcome", outcome)
                .register(registry);
    }

    TokenTimes.Answer begin() {
        return times.begin();
    }

    void token() {
        tokens.increment();
    }

    void answered() {
        answered.increment();
    }

    void failed() {
        failed.increment();
    }

    /** It was not begun at all. */
    void refused() {
        refused.increment();
    }
}
