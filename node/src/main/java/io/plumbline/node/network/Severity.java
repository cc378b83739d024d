package io.plumbline.node.network;

import java.util.Locale;

/** How much an event asks for its operator, the least first. */
public enum Severity {
    /** How far something has come. */
    DEBUG,

    /** A role's work. */
    INFO,

    /** Something went otherwise than it should, and the role goes on. */
    WARN,

    /** Something that the operator should look at. */
    ERROR;

    /** The severity of an event. */
    static Severity of(Event event) {
        return switch (event) {
            case Event.Error e -> ERROR;
            case Event.Failed e -> ERROR;
            case Event.Unpaid e -> ERROR;
            case Event.Warning e -> WARN;
            case Event.Printed e -> WARN;
            case Event.NoGpu e -> WARN;
            case Event.NotUsed e -> WARN;
            case Event.SubmittedAgain e -> WARN;
            case Event.AuditorsBehind e -> WARN;
            case Event.LeftOut e -> WARN;
            case Event.CannotJudge e -> WARN;
            case Event.Late e -> WARN;
            case Event.Lazy e -> WARN;
            case Event.Accused e -> WARN;
            case Event.Audited audited -> audited.good() ? INFO : WARN;
            case Event.Damaged e -> WARN;
            case Event.NotReported e -> WARN;
            case Event.NotProven e -> WARN;
            case Event.DealLost e -> ERROR;
            case Event.DealDeclined e -> DEBUG;
            case Event.Pulling e -> DEBUG;
            case Event.Verifying e -> DEBUG;
            case Event.Loading e -> DEBUG;
            case Event.MakingKey e -> DEBUG;
            case Event.Copying e -> DEBUG;
            default -> INFO;
        };
    }

    /** As it is written. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
