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
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A full node's judgement of an answer, from the receipt down to single rows. Cells are drawn from this process's own secure random
 * source, so a node cannot know what will be asked. One instance for each thread.
 */
public final class Auditor {
    /** Tokens in one cell of a challenge, at most: bounds the memory that an opening takes. */
    public static final int BLOCK_TOKENS = 256;

    /** Positions in one challenge, at most: their logits' products are {@code 4 * vocab} bytes each. */
    public static final int BLOCK_POSITIONS = 64;

    /** Tokens in a randomly drawn cell. */
    public static final int DRAWN_TOKENS = 16;

    /** Cells and positions drawn at level AUDITED. */
    public static final int DRAWN_CELLS = 8;

    private final VerifierKey key;
    private final CellAudit cellAudit;
    private final PositionAudit positionAudit;
    private final SecureRandom random = new SecureRandom();

    public Auditor(VerifierKey key) {
        this.key = key;
        this.cellAudit = new CellAudit(key);
        this.positionAudit = new PositionAudit(key);
    }

    /**
     * Audits one answer.
     *
     * @param request what was asked, as the auditor knows it.
     * @param answer what the node says it answered.
     * @param level SIGNED, AUDITED or FULL; REPLAYED needs weights and is done by the inference engine.
     * @param source of openings; not touched at SIGNED.
     * @param progress told each finished item's counts; may be null.
     * @throws IOException when openings cannot be had: nothing is proven then.
     */
    public AuditReport audit(
            Receipt receipt,
            Request request,
            Answer answer,
            Level level,
            OpeningSource source,
            Consumer<Counts> progress)
            throws IOException {
        long begin = cpuNanos();
        Counts counts = Counts.NONE;
        Failure failure = checkReceipt(receipt, request, answer, key.modelId(), key.config());
        if (failure == null && level != Level.SIGNED) {
            AnswerView view = new AnswerView(key.manifest(), receipt.node(), request.promptTokens(), answer.tokens());
            byte[] header = view.layout().header(receipt.modelId(), receipt.requestHash(), view.length());
            try {
                for (Cell cell : cells(level, view.length())) {
                    counts = counts.plus(cellAudit.check(view, receipt.traceRoot(), header, cell, source.cell(cell)));
                    report(progress, counts);
                }
                for (int[] range : positions(level, view)) {
                    MemorySegment opening = source.positions(range[0], range[1]);
                    counts = counts.plus(positionAudit.check(
                            view, request.sampling(), receipt.traceRoot(), header, range[0], range[1], opening));
                    report(progress, counts);
                }
            } catch (FailedException e) {
                failure = e.failure();
            }
        }
        return new AuditReport(level, counts, cpuNanos() - begin, failure);
    }

    /**
     * Checks one cell against a trace root.
     *
     * @param opening as {@link OpeningSource#cell} gives it.
     * @return what is wrong, or null.
     */
    public Failure cell(AnswerView view, Receipt receipt, Cell cell, MemorySegment opening) {
        byte[] header = view.layout().header(receipt.modelId(), receipt.requestHash(), view.length());
        try {
            cellAudit.check(view, receipt.traceRoot(), header, cell, opening);
            return null;
        } catch (FailedException e) {
            return e.failure();
        }
    }

    /** Checks the tokens chosen after positions {@code from} to {@code to}, likewise. */
    public Failure positions(
            AnswerView view, Receipt receipt, Sampling sampling, int from, int to, MemorySegment opening) {
        byte[] header = view.layout().header(receipt.modelId(), receipt.requestHash(), view.length());
        try {
            positionAudit.check(view, sampling, receipt.traceRoot(), header, from, to, opening);
            return null;
        } catch (FailedException e) {
            return e.failure();
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

    private List<Cell> cells(Level level, int length) {
        List<Cell> cells = new ArrayList<>();
        int layers = key.config().layers();
        if (level == Level.FULL) {
            for (int layer = 0; layer < layers; layer++) {
                for (int from = 0; from < length; from += BLOCK_TOKENS) {
                    cells.add(new Cell(layer, from, Math.min(length, from + BLOCK_TOKENS)));
                }
            }
            return cells;
        }
        int blocks = (length + DRAWN_TOKENS - 1) / DRAWN_TOKENS;
        Set<Integer> drawn = new HashSet<>();
        int wanted = Math.min(DRAWN_CELLS, blocks * layers);
        while (drawn.size() < wanted) {
            int pick = random.nextInt(blocks * layers);
            if (drawn.add(pick)) {
                int from = pick / layers * DRAWN_TOKENS;
                cells.add(new Cell(pick % layers, from, Math.min(length, from + DRAWN_TOKENS)));
            }
        }
        return cells;
    }

    /** Ranges of positions to check, {from, to}. */
    private List<int[]> positions(Level level, AnswerView view) {
        List<int[]> ranges = new ArrayList<>();
        if (level == Level.FULL) {
            for (int from = 0; from < view.length(); from += BLOCK_POSITIONS) {
                ranges.add(new int[] {from, Math.min(view.length(), from + BLOCK_POSITIONS)});
            }
            return ranges;
        }
        int choices = view.length() - view.firstChoice();
        Set<Integer> drawn = new HashSet<>();
        while (drawn.size() < Math.min(DRAWN_CELLS, choices)) {
            drawn.add(view.firstChoice() + random.nextInt(choices));
        }
        drawn.forEach(t -> ranges.add(new int[] {t, t + 1}));
        return ranges;
    }
}
