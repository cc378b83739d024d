package io.plumbline.node.full;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Audit;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.node.full.AnswerAuditor.Finding;
import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LostException;
import io.plumbline.node.network.RefusedException;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/**
 * A full node as an auditor: audits what the ledger has ordered, commits to its verdict, reveals it when the ledger
 * says that nobody can copy it any more, and hands in the evidence of what is false. What it is to do it hears from
 * its own replica of the ledger.
 */
final class AuditAgent implements AutoCloseable {
    /**
     * Audits under way at once, and those of one node among them. Most of their time they wait for a node: so many are
     * not held up by nodes that say nothing before there are hundreds of those, each with a stake.
     */
    private static final int AUDITS = 1024;

    private static final int AUDITS_OF_A_NODE = 4;

    /** An audit that only adds to what is decided is not begun with less time than this. */
    private static final long LEAST_MS = 2_000;

    private static final long AGAIN_NS = 500_000_000;

    /** Longest wait for the audits under way when the node closes. */
    private static final long CLOSE_MS = 5_000;

    /** A node that does not even say what it was asked is challenged by this one. */
    private static final Cell FIRST = new Cell(0, 0, 1);

    private final Bytes32 publicKey;
    private final Map<String, AnswerAuditor> auditors;
    private final EvidenceFolder evidences;
    private final VerdictStore verdicts;
    private final RecentAudits recent;
    private final Events events;
    private final SecureRandom random = new SecureRandom();
    private final AuditQueue<Bytes32> audits = new AuditQueue<>(AUDITS, AUDITS_OF_A_NODE);
    private final ExecutorService words = Executors.newVirtualThreadPerTaskExecutor();

    /** Open settlements that this full node audits, as its replica has them. */
    private final Map<Bytes32, Settlement> open = new ConcurrentHashMap<>();

    /** Rounds that are being audited. */
    private final Set<Round> underWay = ConcurrentHashMap.newKeySet();

    private final Endpoint endpoint;
    private final LedgerClient ledger;
    private final UnaryOperator<Node> latest;
    private final Accuser accuser;

    /**
     * @param publicKey of this full node.
     * @param endpoint by which nodes are reached.
     * @param latest gives a node as the ledger has it now: it may be at another address than when its receipt was
     *     ordered.
     * @param auditors by model id, in hexadecimal; closed with this.
     * @param evidences where what proves a lie is kept.
     * @param verdicts that it has bound itself to.
     * @param recent told of what it has looked at.
     */
    AuditAgent(
            Bytes32 publicKey,
            Endpoint endpoint,
            LedgerClient ledger,
            UnaryOperator<Node> latest,
            Map<String, AnswerAuditor> auditors,
            EvidenceFolder evidences,
            VerdictStore verdicts,
            RecentAudits recent,
            Events events) {
        this.publicKey = publicKey;
        this.endpoint = endpoint;
        this.ledger = ledger;
        this.latest = latest;
        this.accuser = new Accuser(ledger, publicKey, events);
        this.auditors = Map.copyOf(auditors);
        this.evidences = evidences;
        this.verdicts = verdicts;
        this.recent = recent;
        this.events = events;
    }

    /** Hands over and returns. */
    void onAudit(Settlement changed, Node node) {
        if (!changed.audit().isAuditor(publicKey)) {
            return;
        }
        Bytes32 request = changed.requestHash();
        if (!changed.isOpen()) {
            open.remove(request);
            later(changed, () -> ended(changed));
            return;
        }
        open.put(request, changed);
        if (changed.status() == Status.REVEALING) {
            later(changed, () -> reveal(changed));
        } else if (changed.status() == Status.AUDITING) {
            audits.add(changed.node(), new Waiting(changed, node));
        }
    }

    /** Audits that wait for their turn. */
    int waiting() {
        return audits.waiting();
    }

    /** An audit that has not begun. */
    private final class Waiting implements AuditQueue.Audit {
        private final Settlement ordered;
        private final Node node;

        Waiting(Settlement ordered, Node node) {
            this.ordered = ordered;
            this.node = node;
        }

        /**
         * Where this full node's word may decide, those first whose time ends first. Where as many have committed as
         * decide, the latest first: after a pause there are many, and the rest of their time is over before the first
         * of them is audited.
         */
        @Override
        public long rank() {
            Settlement now = current(ordered);
            if (now == null || underWay.contains(round(now))) {
                return UNWANTED;
            }
            Audit audit = now.audit();
            if (audit.committed() < audit.quorum()) {
                return audit.deadlineMs();
            }
            boolean hasTime = audit.deadlineMs() - ledger.timeMs() >= LEAST_MS;
            return hasTime ? UNWANTED - 1 - now.height() : UNWANTED;
        }

        @Override
        public void run() {
            guarded(ordered, () -> commit(ordered, node));
        }
    }

    /** A round of an answer's audit. */
    private record Round(Bytes32 request, int number) {}

    private static Round round(Settlement of) {
        return new Round(of.requestHash(), of.audit().round());
    }

    private void later(Settlement one, Work work) {
        try {
            words.execute(() -> guarded(one, work));
        } catch (RejectedExecutionException e) {
            // The full node is closing.
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private void guarded(Settlement one, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            // Where memory runs out this audit is given up, and left to other full nodes: an answer that no reckoning
            // has foreseen must not end all of its auditors.
            events.emit(new Event.Error(one.requestHash().toString(), String.valueOf(e)));
        }
    }

    /** The settlement as the replica has it now, where this round still wants this full node's verdict; else null. */
    private Settlement current(Settlement ordered) {
        Settlement now = open.get(ordered.requestHash());
        boolean isWanted = now != null
                && now.status() == Status.AUDITING
                && now.audit().round() == ordered.audit().round()
                && !now.audit().hasCommitted(publicKey);
        return isWanted ? now : null;
    }

    private void commit(Settlement ordered, Node node) throws IOException {
        Round round = round(ordered);
        Settlement now = current(ordered);
        if (now == null || !underWay.add(round)) {
            return;
        }
        try {
            audit(now, node);
        } finally {
            underWay.remove(round);
        }
    }

    private void audit(Settlement now, Node node) throws IOException {
        int round = now.audit().round();
        Verdict verdict = verdicts.find(now.receipt().hash(), round);
        byte[] proof = null;
        if (verdict == null) {
            Judgement judged = judge(now, node);
            verdict = judged.verdict;
            proof = judged.proof;
            if (verdict != null) {
                verdicts.put(now.receipt().hash(), round, verdict);
                if (!open.containsKey(now.requestHash())) {
                    // It ended while the verdict was written: nothing would forget it.
                    verdicts.forget(now.receipt().hash(), round);
                }
            }
        } else if (verdict.opinion() == Opinion.BAD) {
            // Found before this process began, which may have ended before it accused.
            proof = evidences.findProof(now.requestHash());
        }
        try {
            if (verdict != null) {
                commit(now, round, verdict);
            }
        } finally {
            if (proof != null) {
                // Behind the verdict: of an answer that was proven false the ledger hears none, and so no reason.
                accuser.accuse(now, proof);
            }
        }
    }

    private void commit(Settlement now, int round, Verdict verdict) throws IOException {
        byte[] commitment = verdict.commitment(now.requestHash(), round, publicKey);
        LedgerClient.Outcome outcome =
                tell(new Command.CommitVerdict(now.requestHash(), round, commitment), () -> current(now) != null);
        if (!outcome.isApplied()) {
            events.emit(new Event.Late(now.requestHash().toString(), outcome.reason()));
        }
    }

    private void reveal(Settlement revealing) throws IOException {
        Verdict verdict =
                verdicts.find(revealing.receipt().hash(), revealing.audit().round());
        if (verdict != null
                && revealing.audit().hasCommitted(publicKey)
                && !revealing.audit().hasJudged(publicKey)) {
            tell(
                    new Command.RevealVerdict(revealing.requestHash(), verdict),
                    () -> open.containsKey(revealing.requestHash()));
        }
    }

    /** Submits what the ledger waits for, again while it cannot be reached and still waits. */
    private LedgerClient.Outcome tell(Command command, BooleanSupplier isWanted) throws IOException {
        while (true) {
            try {
                return ledger.submit(command);
            } catch (IOException e) {
                if (!isWanted.getAsBoolean() || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                LockSupport.parkNanos(AGAIN_NS);
            }
        }
    }

    private void ended(Settlement closed) {
        verdicts.forget(closed.receipt().hash(), closed.audit().round());
        closed.audit()
                .lazy()
                .forEach(
                        other -> events.emit(new Event.Lazy(closed.requestHash().toString(), other.toString())));
    }

    /**
     * What came of an audit.
     *
     * @param verdict null where there is none to give: a challenge was posted and another round begins.
     * @param proof of a lie, that the ledger itself can see; null for none.
     */
    private record Judgement(Verdict verdict, byte[] proof) {
        private static final Judgement NONE = new Judgement(null, null);
    }

    private Judgement judge(Settlement ordered, Node node) throws IOException {
        byte[] salt = new byte[32];
        random.nextBytes(salt);
        AskedCells asked = new AskedCells();
        try {
            Finding finding = audit(ordered, node, asked);
            if (finding.good()) {
                return new Judgement(new Verdict(Opinion.GOOD, "", "", finding.work(), salt), null);
            }
            byte[] proof = finding.isProof() ? finding.evidence() : null;
            // The others drew cells of their own and may have missed this one: an auditor that has found a lie must
            // not be outvoted.
            boolean isOwnFind = ordered.level() == Level.AUDITED
                    && asked.last() != null
                    && !ordered.audit().postedCells().contains(asked.last());
            if (isOwnFind && posted(ordered, asked.last())) {
                return new Judgement(null, proof);
            }
            Failure failure = finding.failure();
            return new Judgement(
                    new Verdict(Opinion.BAD, failure.step().name(), failure.place(), finding.work(), salt), proof);
        } catch (IOException | RuntimeException e) {
            if (current(ordered) == null) {
                // Others have judged it meanwhile: after a pause that is most of what the log tells of.
                return Judgement.NONE;
            }
            recent.unjudged(ordered, asked, String.valueOf(e.getMessage()));
            // No verdict on what could not be judged: silence is not proof of a lie.
            events.emit(new Event.CannotJudge(
                    ordered.requestHash().toString(),
                    asked.last() == null ? null : asked.last().toString(),
                    String.valueOf(e.getMessage())));
            boolean isSilence = auditors.containsKey(ordered.receipt().modelId().toString()) && isTheNodes(e);
            if (isSilence && posted(ordered, asked.last() == null ? FIRST : asked.last())) {
                return Judgement.NONE;
            }
            String place = asked.last() == null
                    ? "receipt"
                    : "layer " + asked.last().layer() + ", token "
                            + asked.last().from();
            Verdict none = isSilence
                    ? new Verdict(Opinion.SILENT, "SILENCE", place, new byte[32], salt)
                    : new Verdict(Opinion.CANNOT_JUDGE, "UNABLE", place, new byte[32], salt);
            return new Judgement(none, null);
        }
    }

    /**
     * Whether the node is why there is no answer, and not this host, its disk or its software, which may stumble over
     * what a client has asked.
     */
    private static boolean isTheNodes(Exception e) {
        boolean isThisHosts = e instanceof UnjudgeableException || e instanceof FileSystemException;
        boolean isRefusal = e instanceof RefusedException || e instanceof AnswerTooLargeException;
        return !isThisHosts && (e instanceof IOException || isRefusal);
    }

    /** The same where a ledger that does not answer now must not take the verdict away: the round goes on without. */
    private boolean posted(Settlement ordered, Cell cell) {
        try {
            return post(ordered, cell);
        } catch (IOException e) {
            return false;
        }
    }

    /** Has all auditors ask for a cell; false where this one has had its say, or the ledger does not take it. */
    private boolean post(Settlement ordered, Cell cell) throws IOException {
        return !ordered.audit().hasPosted(publicKey)
                && ledger.submit(new Command.PostChallenge(ordered.requestHash(), cell))
                        .isApplied();
    }

    /**
     * Two thirds of what is left to commit in: the rest is for posting what was not answered. It comes nearer when
     * others commit, or a node that keeps one auditor waiting would have it be too late to say so.
     */
    private Deadline deadline(Settlement ordered) {
        long beginMs = ledger.timeMs();
        return () -> {
            Settlement now = current(ordered);
            long endMs = now == null ? beginMs : beginMs + (now.audit().deadlineMs() - beginMs) * 2 / 3;
            return TimeUnit.MILLISECONDS.toNanos(endMs - ledger.timeMs());
        };
    }

    /** @param asked receives each cell before it is asked for. */
    private Finding audit(Settlement ordered, Node node, AskedCells asked) throws IOException {
        AnswerAuditor auditor = auditors.get(ordered.receipt().modelId().toString());
        if (auditor == null) {
            throw new IOException("This full node has no key and no copy of model "
                    + ordered.receipt().modelId() + ". Name it with --model.");
        }
        // A node hands in its own receipts under the signature of its commands: whether the receipt's own holds, which
        // evidence rests on, is seen here.
        Finding finding = ordered.receipt().signatureHolds()
                ? asked(auditor, ordered, node, asked)
                : new Finding(
                        Failure.of(Step.SIGNATURE, "the receipt was not signed by the node"),
                        new byte[32],
                        null,
                        false,
                        null);
        recent.audited(ordered, asked, finding);
        Path evidence = finding.evidence() == null ? null : kept(ordered.requestHash(), finding.evidence());
        events.emit(new Event.Audited(
                ordered.requestHash().toString(),
                ordered.level(),
                finding.good(),
                finding.looked() instanceof Event.ExactWork exact ? exact : null,
                finding.looked() instanceof Event.TolerantWork tolerant ? tolerant : null,
                finding.good() ? null : fault(finding.failure(), evidence)));
        return finding;
    }

    /** A disk that is full must not have a lie that was found pass for an answer that could not be judged. */
    private Path kept(Bytes32 request, byte[] evidence) {
        try {
            return evidences.keep(request, evidence);
        } catch (IOException e) {
            events.emit(new Event.Error(request.toString(), "The evidence could not be kept on the disk: " + e));
            return null;
        }
    }

    private static Event.Fault fault(Failure failure, Path evidence) {
        return new Event.Fault(
                failure.step().name(),
                failure.place(),
                failure.detail(),
                evidence == null ? null : evidence.toString());
    }

    /**
     * Asks the node, and again where it was lost or had no room: it may have been started anew. Where it still had none
     * when the time was over, that is its silence, and no want of time of this host's.
     */
    private Finding asked(AnswerAuditor auditor, Settlement ordered, Node node, AskedCells asked) throws IOException {
        Deadline deadline = deadline(ordered);
        IOException refused = null;
        while (true) {
            try {
                Node now = latest.apply(node);
                Peer peer = endpoint.connect(now.host(), now.port(), now.key().bytes());
                return auditor.audit(ordered, peer, deadline, asked);
            } catch (LostException | BusyException e) {
                boolean isLast = deadline.leftNs() < AnswerAuditor.LEAST_NS + 2 * AGAIN_NS;
                if (isLast || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                refused = e;
                LockSupport.parkNanos(AGAIN_NS);
            } catch (UnjudgeableException e) {
                throw refused != null && deadline.leftNs() < AnswerAuditor.LEAST_NS ? refused : e;
            }
        }
    }

    @Override
    public void close() {
        words.shutdownNow();
        try {
            // A model that is being run cannot be closed under it.
            if (audits.close(CLOSE_MS)) {
                auditors.values().forEach(AnswerAuditor::close);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
