package io.plumbline.node.gateway;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Reports nodes that have given two receipts for one request. What one full node says of a report is not enough: it
 * could keep the node its stake, so it is told again, to the next one, until a quorum has signed that it counts. Any
 * thread may call.
 */
final class DoubleReceipts {
    /** Each costs a fee. Of five full nodes one is honest, where there are 15 in all or fewer. */
    private static final int TRIES = 5;

    /** Looks at the ledger after a try: a block is signed sooner. */
    private static final int LOOKS = 20;

    private static final long LOOK_MS = 1_000;

    /** Requests that are remembered as reported, at most. */
    private static final int MAX_REPORTED = 1_000;

    private final CertifiedSettlements certified;
    private final Events events;
    private final long lookMs;

    /** Requests of which the ledger is being told, or was. */
    private final Set<Bytes32> reported = new LinkedHashSet<>();

    DoubleReceipts(CertifiedSettlements certified, Events events) {
        this(certified, events, LOOK_MS);
    }

    /** With another pause between looks. */
    DoubleReceipts(CertifiedSettlements certified, Events events, long lookMs) {
        this.certified = certified;
        this.events = events;
        this.lookMs = lookMs;
    }

    /**
     * Reports a receipt whose node has handed in another one, on a thread of its own; nothing where that was done
     * before.
     *
     * @param told the receipt that is not on the ledger.
     */
    void report(Receipt told) {
        if (isFirst(told.requestHash())) {
            Thread.ofVirtual().name("double-receipt").start(() -> run(told));
        }
    }

    private void run(Receipt told) {
        Bytes32 request = told.requestHash();
        String refused = null;
        boolean isTaken = false;
        try {
            for (int i = 0; i < TRIES && !isTaken; i++) {
                refused = refusal(told);
                int asked = certified.ledger().asked();
                isTaken = awaitTaken(request);
                if (!isTaken) {
                    certified.ledger().distrust(asked);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!isTaken) {
            // It may be told again where the node is met with it again.
            forget(request);
            refused = refused == null ? "no quorum of full nodes has signed that it counts" : refused;
        }
        events.emit(new Event.Accused(request.toString(), Receipt.BYTES, isTaken ? null : refused));
    }

    /** Tells the ledger; why it is not taken by the word of one full node or two, or null. */
    private String refusal(Receipt told) {
        try {
            LedgerClient.Outcome outcome = certified
                    .ledger()
                    .submitToTwo(new Command.ReportDoubleReceipt(told))
                    .last();
            return outcome.isApplied() ? null : outcome.reason();
        } catch (IOException e) {
            return e.getMessage();
        }
    }

    private boolean awaitTaken(Bytes32 request) throws InterruptedException {
        for (int i = 0; i < LOOKS; i++) {
            TimeUnit.MILLISECONDS.sleep(lookMs);
            if (isTaken(request)) {
                return true;
            }
        }
        return false;
    }

    private boolean isTaken(Bytes32 request) {
        try {
            CertifiedEntry entry = certified.find(request);
            return entry != null
                    && entry.value() != null
                    && Settlement.decode(entry.value()).status() == Settlement.Status.SLASHED;
        } catch (IOException e) {
            // The next look is at another full node.
            return false;
        }
    }

    /** A second report beside would cost a fee and change nothing. */
    private synchronized boolean isFirst(Bytes32 request) {
        if (!reported.contains(request) && reported.size() >= MAX_REPORTED) {
            reported.remove(reported.iterator().next());
        }
        return reported.add(request);
    }

    private synchronized void forget(Bytes32 request) {
        reported.remove(request);
    }
}
