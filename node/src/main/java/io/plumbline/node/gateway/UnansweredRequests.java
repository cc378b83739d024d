package io.plumbline.node.gateway;

import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.EverySecond;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Requests whose nodes gave this gateway no answer, until a quorum of full nodes has signed what becomes of the money
 * that was put up: a node can hand its receipt in on the ledger, and is paid, whatever it has told the gateway. Any
 * thread may call.
 */
final class UnansweredRequests implements AutoCloseable {
    /** Requests that are followed at a time; each holds money of a tenant's budget. */
    static final int MAX_FOLLOWED = 10_000;

    /** Requests that the ledger is asked for in a second. */
    private static final int AT_ONCE = 16;

    /** Blocks of which the last has an escrow that was applied before the first. */
    private static final int BLOCKS_TO_SHOW = 2;

    /** One that no block shows for so long is on no ledger. */
    private static final long NEVER_SHOWN_NS = TimeUnit.MINUTES.toNanos(15);

    private final CertifiedSettlements settlements;

    /** The one that was looked at longest ago first. */
    private final Map<Bytes32, Followed> open = new LinkedHashMap<>();

    private EverySecond looking;

    private static final class Followed {
        private final CompletableFuture<Long> cost = new CompletableFuture<>();
        private final long sinceNs = System.nanoTime();
        private boolean wasShown;
        private long firstBlock = -1;
    }

    UnansweredRequests(CertifiedSettlements settlements) {
        this.settlements = settlements;
    }

    /** Looks every second from now on. {@code faults} hears of what goes wrong; the next look comes all the same. */
    void start(Consumer<Throwable> faults) {
        looking = new EverySecond("unanswered", this::look, faults);
    }

    /**
     * The cost of a request to this gateway.
     *
     * @param requestHash 32 bytes.
     * @return completed with the price of its receipt once it is settled, with 0 once it has ended otherwise, and at
     *     once with {@link Long#MAX_VALUE}, which stands for all that is held, where too many are followed.
     */
    synchronized CompletableFuture<Long> cost(Bytes32 requestHash) {
        Bytes32 hash = requestHash;
        if (!open.containsKey(hash) && open.size() >= MAX_FOLLOWED) {
            return CompletableFuture.completedFuture(Long.MAX_VALUE);
        }
        return open.computeIfAbsent(hash, unused -> new Followed()).cost;
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
            Long cost = entry == null ? null : cost(hash, entry);
            if (cost != null) {
                ended(hash, cost);
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

    /** Null where it is not over yet. */
    private synchronized Long cost(Bytes32 hash, CertifiedEntry entry) {
        Followed followed = open.get(hash);
        if (entry.value() == null) {
            long block = entry.header().number();
            followed.firstBlock = followed.firstBlock < 0 ? block : followed.firstBlock;
            boolean isNone = followed.wasShown
                    || block - followed.firstBlock >= BLOCKS_TO_SHOW
                    || System.nanoTime() - followed.sinceNs > NEVER_SHOWN_NS;
            return isNone ? 0L : null;
        }
        Settlement found = Settlement.decode(entry.value());
        followed.wasShown = true;
        if (found.isOpen()) {
            return null;
        }
        return found.status() == Settlement.Status.SETTLED ? found.receipt().price() : 0L;
    }

    private void ended(Bytes32 hash, long cost) {
        Followed followed;
        synchronized (this) {
            followed = open.remove(hash);
        }
        followed.cost.complete(cost);
    }

    @Override
    public void close() {
        if (looking != null) {
            looking.close();
        }
    }
}
