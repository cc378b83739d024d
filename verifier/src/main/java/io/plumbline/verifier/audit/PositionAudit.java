package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Sampling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The check of chosen tokens: logits by Freivalds on the output matrix, then the choice by the sampling rule. The opening is a
 * slice of the positions' final records, then {@code vocab} int32 products for each position where a token was chosen.
 */
final class PositionAudit {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final VerifierKey key;
    private final ModelConfig config;
    private final LayerSteps steps;
    private final float[] h;
    private final float[] logits;
    private final byte[] x;
    private final int[] y;

    PositionAudit(VerifierKey key) {
        this.key = key;
        this.config = key.config();
        this.steps = new LayerSteps(config, key.rope(), ExactMath.best());
        this.h = new float[config.hidden()];
        this.x = new byte[config.hidden()];
        this.y = new int[config.vocab()];
        this.logits = new float[config.vocab()];
    }

    Counts check(
            AnswerView view,
            Sampling sampling,
            byte[] traceRoot,
            byte[] header,
            int from,
            int to,
            MemorySegment opening)
            throws FailedException {
        Slice slice = view.positionSlice(from, to);
        int choices = view.choices(from, to);
        long expected = slice.bytes() + 4L * choices * config.vocab();
        if (opening.byteSize() != expected) {
            throw new FailedException(
                    Step.OPENING, -1, from, opening.byteSize() + " bytes where the positions have " + expected);
        }
        Slice.Proven proven = slice.verify(opening.asSlice(0, slice.bytes()), traceRoot);
        if (proven == null) {
            throw new FailedException(
                    Step.SLICE, -1, from, "the opened records do not hash to the receipt's trace root");
        }
        CellAudit.checkHeader(proven, header, new Cell(0, from, to));
        long products = slice.bytes();
        for (int t = from; t < to; t++) {
            long at = view.layout().offset(t, config.layers());
            MemorySegment tail = proven.bytes(at + 4L * config.hidden(), 12);
            int token = tail.get(INT, 0);
            int next = tail.get(INT, 4);
            if (token != view.token(t) || next != view.chosenAfter(t)) {
                throw new FailedException(
                        Step.TOKENS,
                        -1,
                        t,
                        "the trace holds token " + token + " followed by " + next + ", request and answer "
                                + view.token(t) + " followed by " + view.chosenAfter(t));
            }
            if (next >= 0) {
                MemorySegment.copy(proven.bytes(at, 4L * config.hidden()), FLOAT, 0, h, 0, config.hidden());
                MemorySegment.copy(opening, INT, products, y, 0, config.vocab());
                products += 4L * config.vocab();
                try {
                    checkChoice(sampling, t, next, tail.get(FLOAT, 8));
                } catch (ArithmeticException e) {
                    throw new FailedException(Step.NUMBERS, -1, t, e.getMessage());
                }
            }
        }
        return new Counts(0, choices, 0, choices, opening.byteSize());
    }

    private void checkChoice(Sampling sampling, int t, int next, float logit) throws FailedException {
        float s = steps.normAndQuantize(h, 0, key.finalGain(), x, 0);
        if (key.output().firstFalse(x, y, 1) >= 0) {
            throw new FailedException(Step.LOGITS, -1, t, "the claimed products are not those of the output matrix");
        }
        steps.logits(y, 0, s, key.outputScale(), logits, 0);
        int right = sampling.choose(logits, 0, config.vocab(), t);
        if (right != next) {
            throw new FailedException(
                    Step.SAMPLING, -1, t, "token " + next + " was chosen where the rule gives " + right);
        }
        if (Float.floatToRawIntBits(logits[next]) != Float.floatToRawIntBits(logit)) {
            throw new FailedException(Step.SAMPLING, -1, t, "the recorded logit is not that of the chosen token");
        }
    }
}
