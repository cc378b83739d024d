package io.plumbline.node.full;

import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.order.LedgerStatus;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Readings by which a full node that runs is measured. */
final class FullNodeReading implements FullNodeMetrics.Reading {
    private static final long ANSWER_MS = 500;
    private static final long FRESH_NS = TimeUnit.SECONDS.toNanos(1);

    private final LedgerService service;
    private final Member member;
    private final Voter voter;
    private final AuditAgent audits;
    private final BlockCounts counts;
    private LedgerStatus status;
    private long readNs;

    FullNodeReading(LedgerService service, Member member, Voter voter, AuditAgent audits, BlockCounts counts) {
        this.service = service;
        this.member = member;
        this.voter = voter;
        this.audits = audits;
        this.counts = counts;
        this.readNs = System.nanoTime() - FRESH_NS;
    }

    /** Counts what the ledger's service thread hears; that thread alone writes. */
    static final class BlockCounts {
        private volatile long blocks;
        private volatile long certificates;

        void block() {
            blocks = blocks + 1;
        }

        void certificate() {
            certificates = certificates + 1;
        }
    }

    /** One question for all metrics of a scrape. */
    @Override
    public synchronized LedgerStatus status() {
        if (System.nanoTime() - readNs >= FRESH_NS) {
            try {
                status = service.look(LedgerStatus::of).get(ANSWER_MS, TimeUnit.MILLISECONDS);
            } catch (ExecutionException | TimeoutException e) {
                status = null;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                status = null;
            }
            readNs = System.nanoTime();
        }
        return status;
    }

    @Override
    public long applied() {
        return service.applied();
    }

    @Override
    public long blocks() {
        return counts.blocks;
    }

    @Override
    public long certificates() {
        return counts.certificates;
    }

    @Override
    public long votes() {
        return voter.votes();
    }

    @Override
    public int auditsWaiting() {
        return audits.waiting();
    }

    @Override
    public boolean leads() {
        return member.leads();
    }

    @Override
    public long logSinceSnapshot() {
        return Math.max(0, member.logEnd() - member.lastSnapshot());
    }
}
