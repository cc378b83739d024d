package io.plumbline.node.gateway;

import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * What a request costs its requester beside the node's price, by the parameters that a quorum has certified. Any thread
 * may call.
 */
final class LedgerFees {
    /** Full nodes change parameters by a vote, and seldom. */
    private static final long GOOD_NS = TimeUnit.MINUTES.toNanos(1);

    private final CertifiedSettlements ledger;
    private final Consumer<Throwable> faults;
    private final AtomicBoolean isAsking = new AtomicBoolean();
    private volatile Parameters parameters;
    private volatile long askedNs;

    /** Begins with the parameters of the genesis. {@code faults} hears of a ledger that does not say newer ones. */
    LedgerFees(CertifiedSettlements ledger, Consumer<Throwable> faults) {
        this.ledger = ledger;
        this.faults = faults;
        this.parameters = ledger.genesis().parameters();
        this.askedNs = System.nanoTime() - GOOD_NS;
    }

    /**
     * Of the command that puts money up, and of the audit.
     *
     * @param units most tokens, or rows, that may be charged for.
     */
    long of(Level level, long units) {
        if (System.nanoTime() - askedNs >= GOOD_NS && isAsking.compareAndSet(false, true)) {
            Thread.ofVirtual().name("ledger-fees").start(this::ask);
        }
        Parameters now = parameters;
        return Usage.sum(now.fee(), now.auditFee(level, units));
    }

    /** Of the command that puts money up, which is spent whatever comes of it. */
    long ofCommand() {
        return parameters.fee();
    }

    private void ask() {
        try {
            CertifiedEntry state = ledger.find(Kind.META, null);
            if (state != null && state.value() != null) {
                parameters = LedgerState.parameters(state.value());
            }
        } catch (IOException | RuntimeException e) {
            faults.accept(e);
        } finally {
            askedNs = System.nanoTime();
            isAsking.set(false);
        }
    }
}
