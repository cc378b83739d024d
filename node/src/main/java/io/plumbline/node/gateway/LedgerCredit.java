package io.plumbline.node.gateway;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Payment;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Looks for payments to a gateway's account, and credits those to tenants that they name. What one full node says of a
 * payment is not enough: it counts when a quorum has signed the block that has it.
 */
final class LedgerCredit implements AutoCloseable {
    private static final long LOOK_S = 2;

    /** So often all payments since the last credit are looked at again: every ten minutes. */
    private static final long LOOKS_OF_ALL = 300;

    private final LedgerClient ledger;
    private final Genesis genesis;
    private final Tenants tenants;
    private final Events events;
    private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("ledger-credit").factory());
    private long last;
    private long looks;
    private boolean isTold;

    /** @param account the gateway's own, which {@code ledger} asks as. */
    LedgerCredit(LedgerClient ledger, Genesis genesis, byte[] account, Tenants tenants, Events events) {
        this.ledger = ledger;
        this.genesis = genesis;
        this.tenants = tenants;
        this.events = events;
        tenants.takePayments(Bytes32.of(account));
    }

    /** Looks from now on, every few seconds. */
    void start() {
        looking.scheduleWithFixedDelay(this::look, 0, LOOK_S, TimeUnit.SECONDS);
    }

    /** Looks once; one at a time. */
    void look() {
        try {
            if (looks++ % LOOKS_OF_ALL == 0) {
                // A full node may have shown payments that there are not, for nobody, with numbers far ahead.
                last = tenants.lastPayment();
            }
            List<Payment> found = ledger.payments(last);
            for (Payment payment : found) {
                Bytes32 reference = Bytes32.of(payment.reference());
                String tenant = tenants.named(reference);
                if (tenant != null && !isCertified(payment)) {
                    return;
                }
                last = payment.number();
                if (tenant != null) {
                    tenants.credit(reference, payment.amount(), payment.number());
                    events.emit(new Event.Credited(
                            tenant, payment.amount(), Bytes32.of(payment.from()).toString()));
                }
            }
            isTold = false;
        } catch (IOException | RuntimeException e) {
            // It would not be looked again. A ledger that does not answer is told of by others.
            if (!isTold && !looking.isShutdown()) {
                events.emit(new Event.Warning("Payments for tenants cannot be looked for now: " + e.getMessage()));
            }
            isTold = true;
        }
    }

    /** Whether a quorum has signed that this is on the ledger; false where its block is not certified yet. */
    private boolean isCertified(Payment payment) throws IOException {
        byte[] id = Payment.id(payment.number());
        CertifiedEntry entry = ledger.prove(Kind.PAYMENT, id);
        if (entry == null || entry.value() == null) {
            return false;
        }
        String fault = entry.fault(genesis.hash(), genesis.fullNodes());
        if (fault == null
                && (entry.kind() != Kind.PAYMENT
                        || !Arrays.equals(entry.id(), id)
                        || !Arrays.equals(entry.value(), payment.encode()))) {
            fault = "it is of another payment";
        }
        if (fault != null) {
            ledger.distrust();
            throw new IOException("The full node's proof does not hold: " + fault + ".");
        }
        return true;
    }

    @Override
    public void close() {
        looking.shutdownNow();
    }
}
