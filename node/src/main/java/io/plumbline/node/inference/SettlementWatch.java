package io.plumbline.node.inference;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Follows what an inference node is owed until the ledger has ended it: hands receipts in that did not get there,
 * also those of a life before this one, and tells the store what is not owed any more.
 */
final class SettlementWatch implements AutoCloseable {
    private static final long LOOK_MS = 1_000;

    /** From one look at an answer to the next. */
    private static final long AGAIN_NS = TimeUnit.SECONDS.toNanos(4);

    private static final long CLOSE_MS = 2_000;

    /** For so long one full node is believed that a receipt is there which no quorum has signed yet. */
    private static final long BELIEVED_NS = TimeUnit.SECONDS.toNanos(60);

    /** By so much a certified block may be ahead of this host's clock. */
    private static final long AHEAD_MS = 120_000;

    private final AnswerStore store;
    private final LedgerClient ledger;
    private final CertifiedSettlements settlements;
    private final Events events;
    private final Map<String, Look> looks = new HashMap<>();
    private final Thread thread;
    private volatile boolean isClosed;
    private volatile long paidReceipts;
    private volatile long paidAmount;

    /**
     * When an answer was looked at.
     *
     * @param firstMs by this host's clock: the ledger's is what one full node says it is.
     * @param times that its receipt was handed in again.
     */
    private record Look(long firstNs, long firstMs, long lastNs, int times) {}

    SettlementWatch(AnswerStore store, CertifiedSettlements settlements, Events events) {
        this.store = store;
        this.settlements = settlements;
        this.ledger = settlements.ledger();
        this.events = events;
        this.thread = Thread.ofVirtual().name("settlement-watch").start(this::run);
    }

    long paidReceipts() {
        return paidReceipts;
    }

    long paidAmount() {
        return paidAmount;
    }

    private void run() {
        while (!isClosed) {
            try {
                look();
                TimeUnit.MILLISECONDS.sleep(LOOK_MS);
            } catch (InterruptedException e) {
                return;
            } catch (IOException | RuntimeException e) {
                // The ledger is not reached, or a disk is full: what is owed stays owed, and is looked at again.
                if (!isClosed) {
                    events.emit(new Event.Error("Settlements cannot be followed: " + e.getMessage()));
                }
                pause();
            }
        }
    }

    private void pause() {
        try {
            TimeUnit.NANOSECONDS.sleep(AGAIN_NS);
        } catch (InterruptedException e) {
            isClosed = true;
        }
    }

    private void look() throws IOException {
        List<Receipt> owed = store.owed();
        Set<String> names = new HashSet<>();
        long now = System.nanoTime();
        for (Receipt receipt : owed) {
            String name = receipt.hash().toString();
            names.add(name);
            // One that has just been given is on its way; it is looked at first when it had time to settle.
            Look look = looks.computeIfAbsent(name, any -> new Look(now, System.currentTimeMillis(), now, 0));
            if (now - look.lastNs >= AGAIN_NS && !isClosed) {
                boolean again = look(receipt, look, now);
                looks.put(name, new Look(look.firstNs, look.firstMs, now, look.times + (again ? 1 : 0)));
            }
        }
        looks.keySet().retainAll(names);
    }

    /**
     * What is owed ends by what a quorum has signed: one full node that is asked may lie.
     *
     * @return whether the receipt was handed in again.
     */
    private boolean look(Receipt receipt, Look look, long now) throws IOException {
        CertifiedEntry entry = settlements.find(receipt.requestHash());
        if (entry == null) {
            return false;
        }
        Settlement found = entry.value() == null ? null : Settlement.decode(entry.value());
        boolean isLater = entry.header().timeMs() >= look.firstMs + AHEAD_MS;
        // A block from before the escrow shows that there was none: no liar is needed for one, where blocks wait.
        boolean isUnknown = found == null && isLater;
        // The same request may have had an escrow before, which is over: its block is old, and names no such receipt.
        boolean isOver = found != null && !found.isOpen() && (isLater || isOf(found, receipt));
        if (isUnknown || isOver) {
            ended(receipt, found);
            return false;
        }
        if (found != null && found.isOpen() && found.status() != Status.ESCROWED) {
            return false;
        }
        // What is certified comes later than what is ordered, and long later where certification has stalled: a receipt
        // that is there already would be refused, and a refusal costs a fee.
        Settlement ordered = ledger.findSettlement(receipt.requestHash());
        boolean isOrdered = ordered != null && ordered.status() != Status.ESCROWED;
        if (look.times > 0 || isOrdered && now - look.firstNs >= BELIEVED_NS) {
            // Whoever took it before did not pass it on, or has said for long that it is there: another is asked.
            ledger.distrust();
        }
        if (ordered == null || isOrdered) {
            return false;
        }
        LedgerClient.Outcome outcome = ledger.submit(new Command.SubmitReceipt(receipt));
        events.emit(new Event.SubmittedAgain(receipt.requestHash().toString(), outcome.reason()));
        return true;
    }

    private static boolean isOf(Settlement found, Receipt receipt) {
        return found.receipt() != null && Arrays.equals(found.receipt().encode(), receipt.encode());
    }

    private void ended(Receipt receipt, Settlement found) throws IOException {
        store.ended(receipt);
        boolean isPaid = found != null && found.status() == Status.SETTLED && isOf(found, receipt);
        if (isPaid) {
            paidReceipts++;
            paidAmount += receipt.price();
        } else {
            events.emit(new Event.Unpaid(
                    receipt.requestHash().toString(),
                    found == null ? "UNKNOWN" : found.status().name(),
                    found == null ? "" : String.join("; ", found.reasons())));
        }
    }

    @Override
    public void close() {
        isClosed = true;
        thread.interrupt();
        try {
            thread.join(CLOSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
