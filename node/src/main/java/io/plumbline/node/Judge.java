package io.plumbline.node;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Case.Status;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Key;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.node.AnswerJudge.Finding;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * A full node as an auditor: audits what the ledger has ordered, commits to its verdict, and reveals it when the ledger says that nobody
 * can copy it any more. One audit at a time; what needs no audit does not wait for one.
 */
final class Judge implements AutoCloseable {
    /** Verdicts remembered until they are revealed. */
    private static final int MAX_REMEMBERED = 4096;

    /** Longest wait for the audit under way when the node closes. */
    private static final long CLOSE_MS = 5_000;

    private final Keys keys;
    private final Key me;
    private final Map<String, AnswerJudge> judges;
    private final Path evidenceFolder;
    private final Events events;
    private final SecureRandom random = new SecureRandom();
    private final ExecutorService audits = Executors.newSingleThreadExecutor();
    private final ExecutorService words = Executors.newSingleThreadExecutor();
    private final CountDownLatch ready = new CountDownLatch(1);

    /** By request and round. */
    private final Map<String, Verdict> verdicts = Collections.synchronizedMap(new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Verdict> eldest) {
            return size() > MAX_REMEMBERED;
        }
    });

    private Endpoint endpoint;
    private LedgerClient ledger;

    /**
     * @param judges by model id, in hexadecimal; closed with this.
     * @param evidenceFolder where what proves a lie is kept.
     */
    Judge(Keys keys, Map<String, AnswerJudge> judges, Path evidenceFolder, Events events) {
        this.keys = keys;
        this.me = Key.of(keys.publicKey());
        this.judges = Map.copyOf(judges);
        this.evidenceFolder = evidenceFolder;
        this.events = events;
    }

    /** From now on it can reach nodes and the ledger. */
    void begin(Endpoint reaching, LedgerClient telling) {
        endpoint = reaching;
        ledger = telling;
        ready.countDown();
    }

    /** On the ledger's service thread: hands over and returns. */
    void onAudit(Case changed, Node node) {
        if (!changed.audit().isAuditor(me)) {
            return;
        }
        try {
            if (changed.status() == Status.AUDITING) {
                audits.execute(() -> guarded(changed, () -> commit(changed, node)));
            } else if (changed.audit().hasCommitted(me)) {
                words.execute(() -> guarded(changed, () -> reveal(changed, node)));
            }
        } catch (RejectedExecutionException e) {
            // The node is closing.
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private void guarded(Case one, Work work) {
        try {
            ready.await();
            work.run();
        } catch (IOException | RuntimeException e) {
            events.emit(
                    "error",
                    json -> json.put("request", Blake3.hex(one.requestHash())).put("message", String.valueOf(e)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String name(Case one) {
        return Blake3.hex(one.requestHash()) + " " + one.audit().round();
    }

    private void commit(Case ordered, Node node) throws IOException {
        // After a restart the ledger tells of audits that are long over.
        Case now = ledger.findCase(ordered.requestHash());
        if (now == null
                || now.status() != Status.AUDITING
                || now.audit().round() != ordered.audit().round()
                || now.audit().hasCommitted(me)) {
            return;
        }
        Verdict verdict = verdicts.get(name(now));
        if (verdict == null) {
            verdict = judge(now, node);
            if (verdict == null) {
                return;
            }
            verdicts.put(name(now), verdict);
        }
        int round = now.audit().round();
        byte[] commitment = verdict.commitment(now.requestHash(), round, keys.publicKey());
        LedgerClient.Outcome outcome = ledger.submit(new Command.CommitVerdict(now.requestHash(), round, commitment));
        if (!outcome.isApplied()) {
            events.emit(
                    "late",
                    json -> json.put("request", Blake3.hex(now.requestHash())).put("reason", outcome.reason()));
        }
    }

    private void reveal(Case open, Node node) throws IOException {
        Case now = ledger.findCase(open.requestHash());
        if (now.audit().hasJudged(me)) {
            now.audit()
                    .lazy()
                    .forEach(other -> events.emit(
                            "lazy",
                            json -> json.put("request", Blake3.hex(now.requestHash()))
                                    .put("auditor", other.toString())));
            return;
        }
        Verdict verdict = verdicts.get(name(now));
        if (verdict != null) {
            ledger.submit(new Command.RevealVerdict(now.requestHash(), verdict));
        }
    }

    /** A verdict, or null where a challenge was posted and another round begins. */
    private Verdict judge(Case ordered, Node node) throws IOException {
        byte[] salt = new byte[32];
        random.nextBytes(salt);
        Cell[] asked = new Cell[1];
        try {
            Finding finding = audit(ordered, node, asked);
            if (finding.good()) {
                return new Verdict(Opinion.GOOD, "", "", finding.work(), salt);
            }
            // The others drew cells of their own and may have missed this one: one who has found a lie must not be
            // outvoted.
            boolean isOwnFind = ordered.level() == Level.AUDITED
                    && asked[0] != null
                    && !ordered.audit().postedCells().contains(asked[0]);
            if (isOwnFind && post(ordered, asked[0])) {
                return null;
            }
            Failure failure = finding.failure();
            return new Verdict(Opinion.BAD, failure.step().name(), failure.place(), finding.work(), salt);
        } catch (IOException | RuntimeException e) {
            // No verdict on what could not be judged: silence is not proof of a lie.
            events.emit(
                    "cannot-judge",
                    json -> json.put("request", Blake3.hex(ordered.requestHash()))
                            .put("cell", String.valueOf(asked[0]))
                            .put("reason", String.valueOf(e.getMessage())));
            if (asked[0] != null && post(ordered, asked[0])) {
                return null;
            }
            String place = asked[0] == null ? "receipt" : "layer " + asked[0].layer() + ", token " + asked[0].from();
            return new Verdict(Opinion.CANNOT_JUDGE, "SILENCE", place, new byte[32], salt);
        }
    }

    /** Has all auditors ask for a cell; false where this one has had its say, or the ledger does not take it. */
    private boolean post(Case ordered, Cell cell) throws IOException {
        return !ordered.audit().hasPosted(me)
                && ledger.submit(new Command.PostChallenge(ordered.requestHash(), cell))
                        .isApplied();
    }

    /** @param asked receives each cell before it is asked for. */
    private Finding audit(Case ordered, Node node, Cell[] asked) throws IOException {
        AnswerJudge judge = judges.get(Blake3.hex(ordered.receipt().modelId()));
        if (judge == null) {
            throw new IOException("This full node has no key and no copy of model "
                    + Blake3.hex(ordered.receipt().modelId()) + ". Name it with --model.");
        }
        ObjectNode event = new ObjectMapper().createObjectNode();
        // A node hands in its own receipts under the signature of its commands: whether the receipt's own holds, which
        // evidence rests on, is seen
        // here.
        Finding finding = ordered.receipt().signatureHolds()
                ? judge.judge(ordered, endpoint.connect(node.host(), node.port(), node.key()), asked, event)
                : new Finding(Failure.of(Step.SIGNATURE, "the receipt was not signed by the node"), new byte[32], null);
        Path evidence = finding.evidence() == null ? null : keep(ordered, finding.evidence());
        events.emit("audited", json -> {
            json.put("request", Blake3.hex(ordered.requestHash()));
            json.put("level", ordered.level().name()).put("good", finding.good());
            json.setAll(event);
            if (!finding.good()) {
                json.put("step", finding.failure().step().name())
                        .put("cell", finding.failure().place());
                json.put("detail", finding.failure().detail());
                json.put("evidence", evidence == null ? "" : evidence.toString());
            }
        });
        return finding;
    }

    /** Writes what proves the lie. */
    private Path keep(Case ordered, byte[] evidence) throws IOException {
        Files.createDirectories(evidenceFolder);
        Path file = evidenceFolder.resolve(Blake3.hex(ordered.requestHash()) + ".evidence");
        Path partial = evidenceFolder.resolve(file.getFileName() + ".partial");
        Files.write(partial, evidence);
        return Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void close() {
        audits.shutdownNow();
        words.shutdownNow();
        try {
            // A model that is being run cannot be closed under it.
            if (audits.awaitTermination(CLOSE_MS, TimeUnit.MILLISECONDS)) {
                judges.values().forEach(AnswerJudge::close);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
