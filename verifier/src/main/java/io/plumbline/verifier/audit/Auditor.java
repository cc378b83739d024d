package io.plumbline.verifier.audit;

import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * A full node's judgement of an answer, from the receipt down to single rows. Cells are drawn from this process's own secure random
 * source, so a node cannot know what will be asked. One instance for each thread.
 */
public final class Auditor implements AutoCloseable {
    private final VerifierKey key;
    private final Work work = new Work();
    private final OpeningCheck check;
    private final SecureRandom random = new SecureRandom();

    public Auditor(VerifierKey key) {
        this.key = key;
        this.check = new OpeningCheck(new KnownModel.ByKey(key), work);
    }

    /**
     * Audits one answer.
     *
     * @param request what was asked, as the auditor knows it.
     * @param answer what the node says it answered.
     * @param source of openings; not touched at SIGNED.
     * @param progress told each finished item's counts; may be null.
     * @throws IOException when openings cannot be had: nothing is proven then.
     */
    public AuditReport audit(
            Receipt receipt,
            Request request,
            Answer answer,
            Assignment assignment,
            OpeningSource source,
            Consumer<Counts> progress)
            throws IOException {
        long begin = cpuNanos();
        Level level = assignment.level();
        Counts counts = Counts.NONE;
        byte[] digest = null;
        Exhibit exhibit = null;
        Failure failure = checkReceipt(receipt, request, answer, key.modelId(), key.config());
        if (failure == null && level != Level.SIGNED) {
            AnswerView view = new AnswerView(key.manifest(), receipt.node(), request.promptTokens(), answer.tokens());
            try {
                for (Cell cell : assignment.posted()) {
                    if (Cells.contains(view, cell)) {
                        counts = counts.plus(cell(view, receipt, request.sampling(), cell, source));
                    }
                }
                List<Cell> common = level == Level.FULL
                        ? Cells.all(view)
                        : assignment.beacon() == null ? List.of() : List.of(Cells.common(view, assignment.beacon()));
                work.begin();
                for (Cell cell : common) {
                    counts = counts.plus(cell(view, receipt, request.sampling(), cell, source));
                    report(progress, counts);
                }
                digest = work.end();
                if (level == Level.AUDITED) {
                    for (Cell cell : Cells.drawn(view, random, common.size())) {
                        counts = counts.plus(cell(view, receipt, request.sampling(), cell, source));
                        report(progress, counts);
                    }
                }
            } catch (FailedException e) {
                failure = e.failure();
                exhibit = e.exhibit();
                digest = null;
            }
        }
        return new AuditReport(level, counts, cpuNanos() - begin, digest, failure, exhibit);
    }

    private Counts cell(AnswerView view, Receipt receipt, Sampling sampling, Cell cell, OpeningSource source)
            throws FailedException, IOException {
        try (Opening opening = source.open(cell)) {
            return check.check(view, receipt, sampling, cell, opening);
        }
    }

    /**
     * Checks one cell against a receipt's trace root, with all that a full audit does for it.
     *
     * @return what is wrong, or null.
     */
    public Failure cell(AnswerView view, Receipt receipt, Sampling sampling, Cell cell, Opening opening)
            throws IOException {
        work.begin();
        try {
            check.check(view, receipt, sampling, cell, opening);
            return null;
        } catch (FailedException e) {
            return e.failure();
        } finally {
            work.end();
        }
    }

    private static void report(Consumer<Counts> progress, Counts counts) {
        if (progress != null) {
            progress.accept(counts);
        }
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    /** What needs no opening: signature, hashes, counts, stop rule. Null when all of it holds. */
    public static Failure checkReceipt(
            Receipt receipt, Request request, Answer answer, byte[] modelId, ModelConfig config) {
        if (!receipt.signatureHolds()) {
            return Failure.of(Step.SIGNATURE, "the receipt was not signed by the node it names");
        }
        if (receipt.contractVersion() != Constants.CONTRACT_VERSION) {
            return Failure.of(
                    Step.MODEL,
                    "numeric contract " + receipt.contractVersion() + " is not " + Constants.CONTRACT_VERSION);
        }
        if (!Arrays.equals(receipt.modelId(), request.modelId()) || !Arrays.equals(receipt.modelId(), modelId)) {
            return Failure.of(Step.MODEL, "the receipt names another model than the request");
        }
        if (!Arrays.equals(receipt.requestHash(), request.hash())
                || receipt.promptTokens() != request.promptTokens().length) {
            return Failure.of(Step.REQUEST, "the receipt was made for another request");
        }
        if (!Arrays.equals(receipt.outputHash(), answer.hash()) || receipt.outputTokens() != answer.tokens().length) {
            return Failure.of(Step.OUTPUT, "the receipt was made for another answer");
        }
        for (int token : request.promptTokens()) {
            if (token < 0 || token >= config.vocab()) {
                return Failure.of(Step.REQUEST, "prompt token " + token + " is not in the vocabulary");
            }
        }
        int[] tokens = answer.tokens();
        if (tokens.length == 0) {
            return Failure.of(Step.STOP, "the answer is empty");
        }
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= config.vocab()) {
                return Failure.of(Step.OUTPUT, "output token " + tokens[i] + " is not in the vocabulary");
            }
            if (i < tokens.length - 1 && request.stopsAt(tokens[i])) {
                return Failure.of(Step.STOP, "the answer goes on after stop token " + tokens[i]);
            }
        }
        int length = TraceLayout.tokens(request.promptTokens().length, tokens.length);
        int most = Math.min(request.maxTokens(), config.maxPositions() - request.promptTokens().length + 1);
        // That the text is the tokens' can be checked by whoever has the tokenizer; here only that it ends where it
        // should.
        boolean stopped = request.stopsAt(tokens[tokens.length - 1]) || request.stopIn(answer.text()) >= 0;
        if (tokens.length > most || (tokens.length < most && !stopped && !answer.cancelled())) {
            return Failure.of(Step.STOP, tokens.length + " tokens, not ended by the stop rule; it gives " + most);
        }
        if (receipt.traceBytes() != new TraceLayout(config).traceBytes(length)) {
            return Failure.of(Step.HEADER, "the trace length is not that of " + length + " tokens");
        }
        return null;
    }

    /** Frees what the last check took. */
    @Override
    public void close() {
        check.close();
    }
}
