package io.plumbline.node.inference;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.plumbline.inference.tensor.TensorScheduler;
import java.util.concurrent.TimeUnit;

/** The metrics of an ONNX model's engine. */
public final class TensorMetrics {
    private final Counter rows;
    private final Counter answered;
    private final Counter failed;
    private final Timer latency;

    /**
     * Declares them.
     *
     * @param model name or id that tells several models of one process apart.
     * @param scheduler that is read; null where only their names are wanted.
     */
    public TensorMetrics(MeterRegistry registry, String model, TensorScheduler scheduler) {
        rows = Counter.builder("plumbline.tensor.rows")
                .description("Rows that were computed")
                .tag("model", model)
                .register(registry);
        answered = requests(registry, model, "answered");
        failed = requests(registry, model, "failed");
        latency = Timer.builder("plumbline.tensor.latency")
                .description("From a request to its outputs")
                .tag("model", model)
                .publishPercentileHistogram(false)
                .register(registry);
        Gauge.builder("plumbline.tensor.requests.waiting", () -> scheduler == null ? 0 : scheduler.queued())
                .description("Requests that wait for a batch: the queue")
                .tag("model", model)
                .register(registry);
        FunctionCounter.builder("plumbline.tensor.batches", registry, its -> scheduler == null ? 0 : scheduler.runs())
                .description("Batches that were run; rows by batches is how many share one")
                .tag("model", model)
                .register(registry);
    }

    private static Counter requests(MeterRegistry registry, String model, String outcome) {
        return Counter.builder("plumbline.tensor.requests")
                .description("Requests by what became of them")
                .tag("model", model)
                .tag("outcome", outcome)
                .register(registry);
    }

    /** A request that was begun at {@code beganNs} is over; {@code why} is null where it was answered. */
    void over(long beganNs, int its, Throwable why) {
        latency.record(System.nanoTime() - beganNs, TimeUnit.NANOSECONDS);
        if (why == null) {
            rows.increment(its);
            answered.increment();
        } else {
            failed.increment();
        }
    }
}
