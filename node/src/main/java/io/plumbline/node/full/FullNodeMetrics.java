package io.plumbline.node.full;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.ledger.order.LedgerStatus;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** The metrics of a full node: the ledger as its own replica has it, its votes, its audits. */
public final class FullNodeMetrics {
    private FullNodeMetrics() {}

    /** Readings of a full node that runs. Any thread may ask. */
    public interface Reading {
        /** The ledger as this replica has it, a second old at most; null where it does not say in time. */
        LedgerStatus status();

        /** Commands that were applied, also while the log is applied again. */
        long applied();

        /** Blocks that were closed, certified, and voted on here, since the start. */
        long blocks();

        long certificates();

        long votes();

        /** Audits that wait for their turn. */
        int auditsWaiting();

        boolean leads();

        /** Bytes of the log that a start has to apply again. */
        long logSinceSnapshot();
    }

    /**
     * Declares them.
     *
     * @param full that is read; null where only their names are wanted.
     */
    public static void declare(MeterRegistry registry, Reading full) {
        counter(registry, "plumbline.ledger.commands.applied", "Commands that were applied", full, Reading::applied);
        counter(registry, "plumbline.ledger.blocks", "Blocks that were closed since the start", full, Reading::blocks);
        counter(
                registry,
                "plumbline.ledger.certificates",
                "Blocks that a quorum has certified since the start",
                full,
                Reading::certificates);
        counter(registry, "plumbline.ledger.votes", "Votes on blocks that were handed in", full, Reading::votes);
        gauge(registry, "plumbline.audits.waiting", "Audits that wait for their turn", full, Reading::auditsWaiting);
        gauge(registry, "plumbline.ledger.leader", "1 where this full node leads", full, its -> its.leads() ? 1 : 0);
        gauge(
                registry,
                "plumbline.ledger.log.since.snapshot.bytes",
                "Bytes of the log that a start would apply again",
                full,
                Reading::logSinceSnapshot);
        status(registry, "plumbline.ledger.height", "Commands ordered, as applied here", full, LedgerStatus::height);
        status(
                registry,
                "plumbline.ledger.certified.block",
                "Number of the last certified block; -1 for none",
                full,
                LedgerStatus::certified);
        status(registry, "plumbline.ledger.epoch", "Epoch in which votes count", full, LedgerStatus::epoch);
        status(
                registry,
                "plumbline.ledger.certification.wait.seconds",
                "Since when, by the ledger's clock, a closed block has waited for signatures; 0 where none does",
                full,
                its -> its.waitsSinceMs() < 0 ? 0 : Math.max(0, System.currentTimeMillis() - its.waitsSinceMs()) / 1e3);
        status(
                registry,
                "plumbline.ledger.dissent",
                "Full nodes that signed another block than the one that waits",
                full,
                its -> its.dissent().size());
        status(
                registry,
                "plumbline.ledger.guilty",
                "Full nodes that lost their stake",
                full,
                its -> its.guilty().size());
        status(
                registry,
                "plumbline.ledger.money.difference",
                "All money that is there less all that came in: anything but 0 is a fault",
                full,
                its -> its.total() - its.deposited());
    }

    private static void counter(
            MeterRegistry registry, String name, String help, Reading full, ToLongFunction<Reading> value) {
        FunctionCounter.builder(name, registry, its -> full == null ? 0 : value.applyAsLong(full))
                .description(help)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry, String name, String help, Reading full, ToDoubleFunction<Reading> value) {
        Gauge.builder(name, () -> full == null ? 0 : value.applyAsDouble(full))
                .description(help)
                .register(registry);
    }

    private static void status(
            MeterRegistry registry, String name, String help, Reading full, ToDoubleFunction<LedgerStatus> value) {
        gauge(registry, name, help, full, its -> {
            LedgerStatus status = its.status();
            return status == null ? Double.NaN : value.applyAsDouble(status);
        });
    }
}
