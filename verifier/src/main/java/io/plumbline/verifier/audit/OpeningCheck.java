package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The check of one opening while it arrives: its size, its proof, the trace's header, then its tokens, a few at a
 * time. Memory is that of the proof and of those few.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class OpeningCheck implements AutoCloseable {
    /** Tokens that go through a step together, so that a matrix's key is read once for them. */
    static final int TOGETHER = 4;

    private final KnownModel model;
    private final WorkDigest work;
    private final int layers;

    /** Made when first needed: in evidence the model's shape, and so their memory, is for a stranger to say. */
    private LayerCheck layerCheck;

    private ChoiceCheck choiceCheck;

    /** Bytes of a slice for each token, at most, beside the rows that are asked for: ends of chunks, and hashes. */
    private static final int SLICE_BYTES = 3 << 10;

    /**
     * About the most bytes that a check holds of a cell that ends with the answer. The proof counts twice: it grows
     * while it comes in.
     */
    static long memoryBytes(ModelConfig config, int tokens) {
        TraceLayout layout = new TraceLayout(config);
        // A token's own rows: residuals and embedding.
        long each = 3L * layout.finalBytes() + 4L * config.architecture().perLayer();
        long rows = Math.min(tokens, Cells.BLOCK_TOKENS) * each;
        long keys = 3L * config.widestKeys() + 8L * config.mostKvHeads();
        long proof = tokens * (keys + SLICE_BYTES) + rows + linearProof(config);
        long piece = Math.max(OpeningLayout.Token.mostBytes(config, tokens), 4L * config.vocab());
        long shown = config.linearLayers() > 0 ? Math.max(Cells.LINEAR_BYTES, TOGETHER * piece) : 0;
        return 2 * proof + LayerCheck.memoryBytes(config, tokens) + rows + TOGETHER * piece + shown;
    }

    /** Bytes of a state and of a block's products before a cell, which the proofs of linear attention's cells hold. */
    private static long linearProof(ModelConfig config) {
        if (config.linearLayers() == 0) {
            return 0;
        }
        DeltaRule delta = config.architecture().delta();
        long token = 4L * (delta.channels() + delta.values()) + 32L * delta.valueHeads();
        return delta.stateBytes() + DeltaRule.BLOCK_TOKENS * token;
    }

    /** What is checked of the tokens of a cell. */
    interface Tokens {
        /** Reads what the proof proves. */
        void begin(OpeningLayout layout, Receipt receipt, MemorySegment proof, Slice.Proven proven)
                throws FailedException;

        /** Checks {@code count} tokens, at most {@link #TOGETHER}, whose pieces stand one after the other. */
        void check(MemorySegment pieces, int from, int count) throws FailedException;

        /** What was checked, when all tokens were. */
        Counts counts();
    }

    OpeningCheck(KnownModel model, WorkDigest work) {
        this.model = model;
        this.work = work;
        this.layers = model.manifest().config().layers();
    }

    /**
     * Checks one cell.
     *
     * @throws FailedException with what is wrong, and where the opening is sealed with what proves it.
     * @throws IOException when the opening does not come, or is not what its sender signed.
     */
    Counts check(AnswerView view, Receipt receipt, ChoiceRule rule, Cell cell, Opening opening)
            throws FailedException, IOException {
        Seal seal = opening.seal();
        if (seal != null && (!seal.holds(receipt.node(), receipt.hash(), cell) || seal.bytes() != opening.bytes())) {
            throw new IOException("The node did not sign the opening it sent.");
        }
        OpeningLayout layout = OpeningLayout.of(view, cell);
        if (opening.bytes() != layout.bytes()) {
            FailedException failed = falseSize(layout, opening.bytes());
            throw seal == null ? failed : failed.with(new Exhibit(seal, Exhibit.NONE, -1, Exhibit.NONE));
        }
        MemorySegment proof = opening.proof(layout.proof());
        // With linear attention what is wrong with a token shows with those before it alone: these are kept.
        boolean isKept = seal != null && layout.shownFrom(cell.to() - 1) < cell.to() - 1;
        byte[] kept = new byte[isKept ? Math.toIntExact(layout.bytes() - layout.proof()) : 0];
        MemorySegment pieces = MemorySegment.ofArray(kept);
        int shown = -1;
        try {
            Tokens tokens = begin(layout, receipt, rule, proof);
            for (int t = cell.from(); t < cell.to(); t += TOGETHER) {
                int count = Math.min(TOGETHER, cell.to() - t);
                MemorySegment next = opening.next(bytes(layout, t, count));
                if (isKept) {
                    pieces.asSlice(layout.offset(t) - layout.proof()).copyFrom(next);
                } else {
                    pieces = next;
                }
                shown = isKept ? cell.from() : t;
                tokens.check(next, t, count);
            }
            return tokens.counts().plus(new Counts(0, 0, 0, 0, opening.bytes()));
        } catch (FailedException e) {
            throw seal == null ? e : e.with(exhibit(layout, seal, proof, e.failure(), shown, pieces));
        }
    }

    /**
     * Checks again what an exhibit shows; without an exception it shows nothing wrong. Memory and time are bounded by
     * the exhibit's bytes: sizes are compared before anything is allocated by the model's shape.
     *
     * @return whether nothing was passed over: a choice is, where its rule needs a vocabulary that is not known.
     * @throws IllegalArgumentException where proof or piece has not the cell's size.
     */
    boolean confirm(AnswerView view, Receipt receipt, ChoiceRule rule, Exhibit exhibit) throws FailedException {
        Cell cell = exhibit.seal().cell();
        OpeningLayout layout = OpeningLayout.of(view, cell);
        if (exhibit.seal().bytes() != layout.bytes()) {
            throw falseSize(layout, exhibit.seal().bytes());
        }
        if (exhibit.proof().length != layout.proof()) {
            throw new IllegalArgumentException(
                    "The proof has " + exhibit.proof().length + " bytes where the cell's has " + layout.proof() + ".");
        }
        int token = exhibit.token();
        if (token >= 0 && exhibit.piece().length != layout.shownBytes(token)) {
            throw new IllegalArgumentException("The token's piece has " + exhibit.piece().length
                    + " bytes where the cell's has " + layout.shownBytes(token) + ".");
        }
        Tokens tokens = begin(layout, receipt, rule, MemorySegment.ofArray(exhibit.proof()));
        if (token >= 0) {
            MemorySegment pieces = MemorySegment.ofArray(exhibit.piece());
            int from = layout.shownFrom(token);
            for (int t = from; t <= token; t += TOGETHER) {
                long at = layout.offset(t) - layout.offset(from);
                tokens.check(pieces.asSlice(at), t, Math.min(TOGETHER, token + 1 - t));
            }
        }
        return tokens != choiceCheck || !choiceCheck.isBlind();
    }

    private static FailedException falseSize(OpeningLayout layout, long bytes) {
        Cell cell = layout.cell();
        return new FailedException(
                Step.OPENING, layerOf(layout), cell.from(), bytes + " bytes where the cell has " + layout.bytes());
    }

    /** As failures name it: choices belong to no layer. */
    private static int layerOf(OpeningLayout layout) {
        int layer = layout.cell().layer();
        return layer == layout.view().config().layers() ? -1 : layer;
    }

    private Tokens begin(OpeningLayout layout, Receipt receipt, ChoiceRule rule, MemorySegment proof)
            throws FailedException {
        AnswerView view = layout.view();
        Cell cell = layout.cell();
        int layer = layerOf(layout);
        Slice.Proven proven = layout.slice().verify(proof.asSlice(0, layout.embedding()), receipt.traceRoot());
        if (proven == null) {
            throw new FailedException(
                    Step.SLICE, layer, cell.from(), "the opened chunks do not hash to the receipt's trace root");
        }
        byte[] header = view.layout().header(receipt.modelId(), receipt.requestHash(), view.length());
        long mismatch = proven.bytes(0, TraceLayout.HEADER_BYTES).mismatch(MemorySegment.ofArray(header));
        if (mismatch >= 0) {
            throw new FailedException(Step.HEADER, layer, cell.from(), "the trace header differs at byte " + mismatch);
        }
        Tokens tokens = cell.layer() == layers ? choices(rule) : layer();
        tokens.begin(layout, receipt, proof, proven);
        return tokens;
    }

    private Tokens choices(ChoiceRule rule) {
        if (choiceCheck == null) {
            choiceCheck = new ChoiceCheck(model, work);
        }
        choiceCheck.rule(rule);
        return choiceCheck;
    }

    private Tokens layer() {
        if (layerCheck == null) {
            layerCheck = new LayerCheck(model, work);
        }
        return layerCheck;
    }

    private static long bytes(OpeningLayout layout, int from, int count) {
        long bytes = 0;
        for (int t = from; t < from + count; t++) {
            bytes += layout.tokenBytes(t);
        }
        return bytes;
    }

    /**
     * What shows a failure. Nothing is proven by pieces that the node did not sign: then it has not answered.
     *
     * @param group the first token whose piece is in {@code pieces}; -1 where none is needed.
     */
    private static Exhibit exhibit(
            OpeningLayout layout, Seal seal, MemorySegment proof, Failure failure, int group, MemorySegment pieces)
            throws IOException {
        // What is wrong behind the cell, in its block, shows with all of the cell's pieces.
        int token = group < 0 ? -1 : Math.min(failure.token(), layout.cell().to() - 1);
        byte[] piece = Exhibit.NONE;
        boolean signed = seal.covers(0, proof);
        if (token >= 0) {
            int from = layout.shownFrom(token);
            long at = bytes(layout, group, from - group);
            piece = pieces.asSlice(at, layout.shownBytes(token)).toArray(ValueLayout.JAVA_BYTE);
            signed &= isSigned(layout, seal, token, piece);
        }
        if (!signed) {
            throw new IOException("The node signed another opening than the one it sent.");
        }
        return new Exhibit(seal, proof.toArray(ValueLayout.JAVA_BYTE), token, piece);
    }

    /** Whether the pieces that are shown of {@code token} are those that were signed; of the size they must have. */
    static boolean isSigned(OpeningLayout layout, Seal seal, int token, byte[] shown) {
        MemorySegment all = MemorySegment.ofArray(shown);
        long at = 0;
        for (int t = layout.shownFrom(token); t <= token; t++) {
            if (!seal.covers(1 + t - layout.cell().from(), all.asSlice(at, layout.tokenBytes(t)))) {
                return false;
            }
            at += layout.tokenBytes(t);
        }
        return true;
    }

    @Override
    public void close() {
        if (layerCheck != null) {
            layerCheck.close();
        }
    }
}
