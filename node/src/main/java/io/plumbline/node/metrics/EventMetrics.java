package io.plumbline.node.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import java.util.Locale;
import java.util.function.Consumer;

/** Counts what a process reports: what is an event, once in an answer or less, needs no counter of its own. */
final class EventMetrics implements Consumer<Event> {
    private static final String GOOD = "good";
    private static final String BAD = "bad";
    private static final String CANNOT_JUDGE = "cannot-judge";

    private final MeterRegistry registry;
    private final Counter boughtUnits;
    private final Counter boughtPrice;
    private final DistributionSummary auditCpu;

    EventMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.boughtUnits = Counter.builder("plumbline.bought.units")
                .description("Gateways: tokens and rows that were bought of nodes, prompts excepted")
                .register(registry);
        this.boughtPrice = Counter.builder("plumbline.bought.price")
                .description("Gateways: what bought answers cost, in the ledger's smallest unit")
                .register(registry);
        this.auditCpu = DistributionSummary.builder("plumbline.audit.cpu.seconds")
                .description("Full nodes: CPU time of an audit")
                .register(registry);
        for (Class<?> kind : Event.class.getPermittedSubclasses()) {
            event(Events.name(kind));
        }
        audits(GOOD, "", "");
        audits(BAD, "", "");
        audits(CANNOT_JUDGE, "", "");
    }

    private Counter event(String name) {
        return Counter.builder("plumbline.events")
                .description("Events that the process has reported, by their names in docs/operating.md")
                .tag("event", name)
                .register(registry);
    }

    private Counter audits(String verdict, String level, String reason) {
        return Counter.builder("plumbline.audits")
                .description("Full nodes: audits by verdict, level, and the step that was found false")
                .tag("verdict", verdict)
                .tag("level", level)
                .tag("reason", reason)
                .register(registry);
    }

    @Override
    public void accept(Event event) {
        event(Events.name(event.getClass())).increment();
        switch (event) {
            case Event.Bought bought -> {
                boughtUnits.increment(bought.units());
                boughtPrice.increment(bought.price());
            }
            case Event.Audited audited -> {
                // A step's name is one of a few.
                String reason = audited.fault() == null ? "" : audited.fault().step();
                audits(audited.good() ? GOOD : BAD, name(audited.level()), reason == null ? "" : reason)
                        .increment();
                Event.AuditWork work = audited.exact() == null ? audited.tolerant() : audited.exact();
                if (work != null) {
                    auditCpu.record(work.cpuMs() / 1e3);
                }
            }
            case Event.CannotJudge cannot -> audits(CANNOT_JUDGE, "", "").increment();
            default -> {
                // Its count says all.
            }
        }
    }

    private static String name(Enum<?> level) {
        return level == null ? "" : level.name().toLowerCase(Locale.ROOT);
    }
}
