package io.plumbline.node.inference;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.verifier.receipt.Receipt;

/** The metrics of what an inference node does around its engine: above all what it is owed. */
public final class InferenceNodeMetrics {
    private InferenceNodeMetrics() {}

    /**
     * Declares them.
     *
     * @param replies that are read; null where only their names are wanted.
     */
    public static void declare(MeterRegistry registry, NodeResponder replies) {
        Gauge.builder(
                        "plumbline.owed.receipts",
                        () -> replies == null ? 0 : replies.owed().size())
                .description("Answers that were given and are not at their end on the ledger")
                .register(registry);
        Gauge.builder(
                        "plumbline.owed.amount",
                        () -> replies == null
                                ? 0
                                : replies.owed().stream()
                                        .mapToDouble(Receipt::price)
                                        .sum())
                .description("What these answers cost, in the ledger's smallest unit")
                .register(registry);
        FunctionCounter.builder(
                        "plumbline.paid.receipts", registry, its -> replies == null ? 0 : replies.paidReceipts())
                .description("Answers that the ledger has paid for since the start")
                .register(registry);
        FunctionCounter.builder("plumbline.paid.amount", registry, its -> replies == null ? 0 : replies.paidAmount())
                .description("What was paid for these, in the ledger's smallest unit")
                .register(registry);
    }
}
