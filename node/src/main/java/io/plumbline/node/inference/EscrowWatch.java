package io.plumbline.node.inference;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Gives back what no request came for: an escrow reserves the node's stake, and whoever opened it has the money back
 * at once.
 */
final class EscrowWatch implements AutoCloseable {
    private static final long LOOK_MS = 10_000;

    /** A gateway sends its request as soon as the escrow is there; where it has tried elsewhere, it never will. */
    private static final long PATIENCE_MS = 20_000;

    private static final long CLOSE_MS = 2_000;

    private final CertifiedSettlements settlements;
    private final LedgerClient ledger;
    private final Bytes32 node;

    /** Escrows that were not taken back: they were none, or it was too late. */
    private final Set<String> refused = new HashSet<>();

    private final Claims claims;
    private final Events events;
    private final Map<String, Long> seenNs = new HashMap<>();
    private final Thread thread;
    private final long lookMs;
    private final long patienceNs;
    private volatile boolean isClosed;

    /** Keeps a request for one at a time. */
    interface Claims {
        /** False where it is being answered. */
        boolean claim(Bytes32 requestHash);

        void over(Bytes32 requestHash);
    }

    /** @param node the key of this one. */
    EscrowWatch(CertifiedSettlements settlements, Bytes32 node, Claims claims, Events events) {
        this(settlements, node, claims, events, LOOK_MS, PATIENCE_MS);
    }

    /** With other times. */
    EscrowWatch(
            CertifiedSettlements settlements,
            Bytes32 node,
            Claims claims,
            Events events,
            long lookMs,
            long patienceMs) {
        this.settlements = settlements;
        this.lookMs = lookMs;
        this.patienceNs = TimeUnit.MILLISECONDS.toNanos(patienceMs);
        this.ledger = settlements.ledger();
        this.node = node;
        this.claims = claims;
        this.events = events;
        this.thread = Thread.ofVirtual().name("escrow-watch").start(this::run);
    }

    private void run() {
        while (!isClosed) {
            try {
                TimeUnit.MILLISECONDS.sleep(lookMs);
                look();
            } catch (InterruptedException e) {
                return;
            } catch (IOException | RuntimeException e) {
                // The ledger is not reached: an escrow lapses by itself in time.
                seenNs.clear();
            }
        }
    }

    private void look() throws IOException {
        Set<String> there = new HashSet<>();
        long now = System.nanoTime();
        for (Bytes32 request : ledger.escrows(node)) {
            String name = request.toString();
            there.add(name);
            long seen = seenNs.computeIfAbsent(name, any -> now);
            boolean isTime = now - seen >= patienceNs && !refused.contains(name) && !isClosed;
            if (isTime && isCertified(request) && claims.claim(request)) {
                try {
                    decline(request, name);
                } finally {
                    claims.over(request);
                }
            }
        }
        seenNs.keySet().retainAll(there);
        refused.retainAll(there);
    }

    /** What one full node names, a quorum must have signed: a refused decline costs a fee. */
    private boolean isCertified(Bytes32 request) throws IOException {
        CertifiedEntry entry = settlements.find(request);
        Settlement found = entry == null || entry.value() == null ? null : Settlement.decode(entry.value());
        return found != null
                && found.status() == Status.ESCROWED
                && found.node().equals(node);
    }

    private void decline(Bytes32 request, String name) throws IOException {
        LedgerClient.Outcome outcome = ledger.declineEscrow(request);
        if (!outcome.isApplied()) {
            refused.add(name);
            ledger.distrust();
        }
        events.emit(new Event.Declined(name, outcome.reason()));
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
