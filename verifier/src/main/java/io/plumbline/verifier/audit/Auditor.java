package io.plumbline.verifier.audit;

import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.function.Consumer;

/**
 * A full node's judgement of an answer, from the receipt down to single rows. A node cannot know which cells
 * will be asked for, see {@link Assignment}. One instance for each thread.
 */
public final class Auditor implements AutoCloseable {
    private final VerifierKey key;
    private final ModelTokenizer tokenizer;
    private final WorkDigest work = new WorkDigest();
    private final OpeningCheck check;

    /** @param tokenizer of the key's model. */
    public Auditor(VerifierKey key, ModelTokenizer tokenizer) {
        this.key = key;
        this.tokenizer = tokenizer;
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
        Failure failure = withoutOpenings(receipt, request, answer);
        if (failure == null && level != Level.SIGNED) {
            ChoiceRule rule = ChoiceRule.of(request, tokenizer::vocabulary);
            AnswerView view = new AnswerView(key.manifest(), receipt.node(), request.promptTokens(), answer.tokens());
            try {
                for (Cell cell : assignment.posted()) {
                    if (Cells.contains(view, cell)) {
                        counts = counts.plus(cell(view, receipt, rule, cell, source));
                    }
                }
                List<Cell> common = level == Level.FULL
                        ? Cells.all(view)
                        : assignment.beacon() == null ? List.of() : List.of(Cells.common(view, assignment.beacon()));
                work.begin();
                for (Cell cell : common) {
                    counts = counts.plus(cell(view, receipt, rule, cell, source));
                    report(progress, counts);
                }
                digest = work.end();
                if (level == Level.AUDITED) {
                    for (Cell cell : Cells.drawn(view, assignment.random(), common.size())) {
                        counts = counts.plus(cell(view, receipt, rule, cell, source));
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

    /**
     * About the most bytes that an audit of an answer holds at once, whatever its level: of one cell at the answer's
     * end, the proof as it comes in, the keys and values out of it, and the pieces of a few tokens.
     *
     * @param tokens of prompt and answer together; more than the model's context count as that many, for such an answer
     *     is refused before anything is opened.
     */
    public static long memoryBytes(ModelConfig config, int tokens) {
        int length = Math.clamp(tokens, 1, config.maxPositions());
        return OpeningCheck.memoryBytes(config, length);
    }

    /** What receipt, request, answer and the model's tokenizer show, whatever the level. */
    private Failure withoutOpenings(Receipt receipt, Request request, Answer answer) {
        Failure failure = ReceiptCheck.check(receipt, request, answer, key.modelId(), key.config());
        if (failure == null) {
            failure = TextCheck.prompt(request, key.config(), tokenizer);
        }
        return failure == null ? TextCheck.answer(request, answer, key.config(), tokenizer) : failure;
    }

    private Counts cell(AnswerView view, Receipt receipt, ChoiceRule rule, Cell cell, OpeningSource source)
            throws FailedException, IOException {
        try (Opening opening = source.open(cell)) {
            return check.check(view, receipt, rule, cell, opening);
        }
    }

    /**
     * Checks one cell against a receipt's trace root, with all that a full audit does for it.
     *
     * @return what is wrong, or null.
     */
    public Failure cell(AnswerView view, Receipt receipt, ChoiceRule rule, Cell cell, Opening opening)
            throws IOException {
        work.begin();
        try {
            check.check(view, receipt, rule, cell, opening);
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

    /** Frees what the last check took; another may follow. */
    @Override
    public void close() {
        check.close();
    }
}
