package io.plumbline.node.gateway;

import io.plumbline.ledger.state.Audit;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.EverySecond;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Requests whose cost no receipt says, until a quorum of full nodes has signed what becomes of the money that was put
 * up: a node hands its receipt in on the ledger, and is paid, whatever it has told the gateway. Any thread may call.
 */
final class UnsettledRequests implements AutoCloseable {
    /** Requests that are followed at a time; each holds money of a payer's, and none has more than some thousand. */
    static final int MAX_FOLLOWED = 200_000;

    /** Requests that the ledger is asked for in a second: a turn of all takes some minutes at most. */
    private static final int AT_ONCE = 256;

    /** By so much a certified block may be ahead of this host's clock. */
    private static final long AHEAD_MS = 120_000;

    private final CertifiedSettlements settlements;
    private final LongSupplier wallMs;

    /** The one that was looked at longest ago first. */
    private final Map<Bytes32, Followed> open = new LinkedHashMap<>();

    private EverySecond looking;

    /**
     * How a request ended.
     *
     * @param cost see {@link #outcome}.
     * @param receipt that the ledger took; null for none.
     */
    record Outcome(long cost, Receipt receipt) {
        /** Whether the ledger took another receipt than this. */
        boolean isOther(Receipt told) {
            return receipt != null && !receipt.hash().equals(told.hash());
        }
    }

    private static final class Followed {
        private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        private final long sinceMs;

        /** Number of the last block that showed it; -1 for none. */
        private long shownAt = -1;

        Followed(long sinceMs) {
            this.sinceMs = sinceMs;
        }
    }

    UnsettledRequests(CertifiedSettlements settlements) {
        this(settlements, System::currentTimeMillis);
    }

    /** By another clock: for tests. */
    UnsettledRequests(CertifiedSettlements settlements, LongSupplier wallMs) {
        this.settlements = settlements;
        this.wallMs = wallMs;
    }

    /** Looks every second from now on. {@code faults} hears of what goes wrong; the next look comes all the same. */
    void start(Consumer<Throwable> faults) {
        looking = new EverySecond("unanswered", this::look, faults);
    }

    /**
     * How a request ends, and its cost to this gateway.
     *
     * @return completed with the price of its receipt and the audit's fee once it is settled, with the fee alone where
     *     its answer was found bad, with 0 where it ended otherwise, and at once with {@link Long#MAX_VALUE}, which
     *     stands for all that is held, where too many are followed.
     */
    synchronized CompletableFuture<Outcome> outcome(Bytes32 hash) {
        if (!open.containsKey(hash) && open.size() >= MAX_FOLLOWED) {
            return CompletableFuture.completedFuture(new Outcome(Long.MAX_VALUE, null));
        }
        return open.computeIfAbsent(hash, unused -> new Followed(wallMs.getAsLong())).outcome;
    }

    /** Asks the ledger for some of them. */
    void look() {
        for (Bytes32 hash : next()) {
            CertifiedEntry entry;
            try {
                entry = settlements.find(hash);
            } catch (IOException e) {
                // They are asked for again; a ledger that does not answer is told of by others.
                return;
            }
            Outcome outcome = entry == null ? null : outcome(hash, entry);
            if (outcome != null) {
                ended(hash, outcome);
            }
        }
    }

    private synchronized List<Bytes32> next() {
        List<Bytes32> next = new ArrayList<>();
        for (Bytes32 hash : open.keySet()) {
            if (next.size() == AT_ONCE) {
                break;
            }
            next.add(hash);
        }
        // The others are looked at before these again.
        next.forEach(hash -> open.put(hash, open.remove(hash)));
        return next;
    }

    /** How it ended as of a block; null where it is not over yet. */
    synchronized Outcome outcome(Bytes32 hash, CertifiedEntry entry) {
        Followed followed = open.get(hash);
        BlockHeader block = entry.header();
        if (entry.value() == null) {
            // A block from before the escrow shows that there was none: no liar is needed for one, where blocks wait.
            boolean isLater = followed.shownAt < 0
                    ? block.timeMs() >= followed.sinceMs + AHEAD_MS
                    : block.number() > followed.shownAt;
            return isLater ? new Outcome(0, null) : null;
        }
        Settlement found = Settlement.decode(entry.value());
        followed.shownAt = Math.max(followed.shownAt, block.number());
        if (found.isOpen()) {
            return null;
        }
        Audit audit = found.audit();
        boolean isJudged = audit.good() + audit.bad() + audit.silence() > 0;
        long price =
                found.status() == Settlement.Status.SETTLED ? found.receipt().price() : 0;
        return new Outcome(Usage.sum(price, isJudged ? found.fee() : 0), found.receipt());
    }

    private void ended(Bytes32 hash, Outcome outcome) {
        Followed followed;
        synchronized (this) {
            followed = open.remove(hash);
        }
        followed.outcome.complete(outcome);
    }

    @Override
    public void close() {
        if (looking != null) {
            looking.close();
        }
    }
}
