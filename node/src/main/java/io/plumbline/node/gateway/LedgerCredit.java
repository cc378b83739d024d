package io.plumbline.node.gateway;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.PaymentPage;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Payment;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
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
 * Looks for payments to a gateway's account, and credits those to whom they name. What one full node says of a payment
 * is not enough: it counts when a quorum has signed the block that has it.
 */
final class LedgerCredit implements AutoCloseable {
    private static final long TICK_MS = 100;

    /** Between two looks where no payment is waited for. */
    private static final long TICKS_OF_LOOK = 20;

    /** For so long it is looked at every tick once a payment is waited for. */
    private static final long HURRY_TICKS = 300;

    /** So often all payments that the ledger has are looked at again: every ten minutes. */
    private static final long LOOKS_OF_ALL = 300;

    /** Pages of payments that are read in a look, at most: dust makes more looks of them, not longer ones. */
    private static final int PAGES_OF_LOOK = 64;

    private final LedgerClient ledger;
    private final Genesis genesis;
    private final List<Payee> payees;
    private final Events events;
    private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("ledger-credit").factory());
    private long last;
    private int pagesLeft;

    /** The last of those that were looked at again, up to {@link #last}. */
    private long again;

    private long looks;
    private long ticks;
    private volatile long hurriedTicks;
    private boolean isTold;

    /** @param ledger asked as the account that is paid. */
    LedgerCredit(LedgerClient ledger, Genesis genesis, List<Payee> payees, Events events) {
        this.ledger = ledger;
        this.genesis = genesis;
        this.payees = List.copyOf(payees);
        this.events = events;
    }

    /** Looks from now on, every few seconds. */
    void start() {
        looking.scheduleWithFixedDelay(this::tick, 0, TICK_MS, TimeUnit.MILLISECONDS);
    }

    /** A payment is waited for: it is looked more often for a while. Any thread may call. */
    void hurry() {
        hurriedTicks = HURRY_TICKS;
    }

    private void tick() {
        long left = hurriedTicks;
        hurriedTicks = Math.max(0, left - 1);
        if (left > 0 || ticks % TICKS_OF_LOOK == 0) {
            look();
        }
        ticks++;
    }

    /** Looks once; one at a time. */
    void look() {
        try {
            if (looks++ % LOOKS_OF_ALL == 0) {
                // A full node may have shown payments that there are not, for nobody, with numbers far ahead. One that
                // was counted there is; those before it that were not are found by the second reading.
                last = payees.stream().mapToLong(Payee::lastPayment).max().orElseThrow();
                again = -1;
                if (looks > 1) {
                    // It may also leave out a payment that it shows later ones of: the next full node is asked.
                    ledger.distrust();
                }
            }
            pagesLeft = PAGES_OF_LOOK;
            boolean goesOn = true;
            while (goesOn && pagesLeft > 0) {
                List<Payment> page = page(last);
                long looked = credit(page, last);
                goesOn = isFull(page) && looked == page.getLast().number();
                last = looked;
            }
            goesOn = true;
            while (goesOn && again < last && pagesLeft > 0) {
                List<Payment> page = page(again);
                long looked = credit(page, again);
                goesOn = isFull(page) && looked == page.getLast().number();
                again = page.isEmpty() ? last : looked;
            }
            isTold = false;
        } catch (IOException | RuntimeException e) {
            // It would not be looked again. A ledger that does not answer is told of by others.
            if (!isTold && !looking.isShutdown()) {
                events.emit(new Event.Warning("Payments cannot be looked for now: " + e.getMessage()));
            }
            isTold = true;
        }
    }

    private List<Payment> page(long after) throws IOException {
        pagesLeft--;
        return ledger.payments(after);
    }

    /** Whether there may be more of them now. */
    private static boolean isFull(List<Payment> page) {
        return page.size() >= PaymentPage.MAX_PAYMENTS;
    }

    /** Credits those of them that are certified and were not. @return the number of the last one that need not wait. */
    private long credit(List<Payment> found, long before) throws IOException {
        long looked = before;
        for (Payment payment : found) {
            Payee payee = payees.stream()
                    .filter(one -> one.named(payment) != null)
                    .findFirst()
                    .orElse(null);
            if (payee != null && !payee.hasCounted(payment.number())) {
                if (!isCertified(payment)) {
                    break;
                }
                payee.credit(payment);
                events.emit(new Event.Credited(
                        payee.named(payment), payment.amount(), payment.from().toString()));
            }
            looked = payment.number();
        }
        return looked;
    }

    /** Whether a quorum has signed that this is on the ledger; false where its block is not certified yet. */
    private boolean isCertified(Payment payment) throws IOException {
        Bytes32 id = Payment.id(payment.number());
        CertifiedEntry entry = ledger.prove(Kind.PAYMENT, id);
        if (entry == null || entry.value() == null) {
            return false;
        }
        String fault = entry.fault(genesis.hash(), genesis.fullNodes());
        if (fault == null
                && (entry.kind() != Kind.PAYMENT
                        || !entry.id().equals(id)
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
