package io.plumbline.node.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class TokenTimesTest {
    @Test
    void theFirstTokenAndTheOthersAreTimedApart() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        TokenTimes times = new TokenTimes(registry, "test", "here");
        TokenTimes.Answer answer = times.begin();
        for (int i = 0; i < 5; i++) {
            answer.token();
        }
        times.begin().token();
        assertEquals(2, registry.get("test.time.to.first.token").timer().count());
        assertEquals(4, registry.get("test.inter.token.latency").timer().count());
    }

    @Test
    void aTokenAllocatesNothing() {
        TokenTimes times = new TokenTimes(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "test", "here");
        TokenTimes.Answer answer = times.begin();
        for (int i = 0; i < 50_000; i++) {
            answer.token();
        }
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 10_000; i++) {
            answer.token();
        }
        long bytes = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(bytes < 10_000, bytes + " bytes for 10,000 tokens");
    }
}
