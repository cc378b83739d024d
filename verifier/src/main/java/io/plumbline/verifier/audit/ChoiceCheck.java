package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.choice.TokenChooser;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Receipt;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The check of chosen tokens: logits by Freivalds on the output matrix, then the choice by the sampling rule. A
 * token's piece is its {@code vocab} int32 products, where one was chosen after it.
 */
final class ChoiceCheck implements OpeningCheck.Tokens {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final KnownModel model;
    private final WorkDigest work;
    private final ModelConfig config;
    private final LayerSteps steps;
    private final float[] h;
    private final float[] logits;
    private final byte[] x;
    private final int[] y;
    private ChoiceRule rule;
    private TokenChooser chooser;

    /** The position that {@code chooser} chooses after next. */
    private int chooserAt;

    private boolean isBlind;
    private AnswerView view;
    private Slice.Proven proven;
    private long choices;

    ChoiceCheck(KnownModel model, WorkDigest work) {
        this.model = model;
        this.work = work;
        this.config = model.manifest().config();
        this.steps = new LayerSteps(config, null, ExactMath.best());
        this.h = new float[config.hidden()];
        this.x = new byte[config.hidden()];
        this.y = new int[config.vocab()];
        this.logits = new float[config.vocab()];
    }

    /** The rule of the request whose choices are checked next. */
    void rule(ChoiceRule next) {
        if (next != rule) {
            rule = next;
            chooser = null;
        }
        isBlind = false;
    }

    /** Whether a choice was passed over, for its rule needs the model's vocabulary and that is not here. */
    boolean isBlind() {
        return isBlind;
    }

    @Override
    public void begin(OpeningLayout layout, Receipt receipt, MemorySegment proof, Slice.Proven records)
            throws FailedException {
        view = layout.view();
        proven = records;
        choices = 0;
        for (int t = layout.cell().from(); t < layout.cell().to(); t++) {
            MemorySegment tail = proven.bytes(tail(t), 12);
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
            if (next < 0 && tail.get(INT, 8) != 0) {
                throw new FailedException(Step.PADDING, -1, t, "a logit stands where no token was chosen");
            }
            int end = view.layout().finalEnd();
            long at = view.layout().offset(t, config.layers()) + end;
            if (!LayerCheck.isZero(proven.bytes(at, view.layout().finalBytes() - end))) {
                throw new FailedException(Step.PADDING, -1, t, "something stands behind the record's logit");
            }
        }
    }

    private long tail(int t) {
        return view.layout().offset(t, config.layers()) + 4L * config.hidden();
    }

    @Override
    public void check(MemorySegment pieces, int from, int count) throws FailedException {
        long at = 0;
        for (int t = from; t < from + count; t++) {
            int next = view.chosenAfter(t);
            if (next >= 0) {
                MemorySegment row = proven.bytes(view.layout().offset(t, config.layers()), 4L * config.hidden());
                MemorySegment.copy(row, FLOAT, 0, h, 0, config.hidden());
                MemorySegment.copy(pieces, INT, at, y, 0, config.vocab());
                at += 4L * config.vocab();
                choices++;
                try {
                    checkChoice(t, next, proven.bytes(tail(t), 12).get(FLOAT, 8));
                } catch (ArithmeticException e) {
                    throw new FailedException(Step.NUMBERS, -1, t, e.getMessage());
                }
            }
        }
    }

    @Override
    public Counts counts() {
        return new Counts(0, choices, 0, choices, 0);
    }

    private void checkChoice(int t, int next, float logit) throws FailedException {
        float s = steps.normAndQuantize(h, 0, model.finalGain(), x, 0);
        work.take(x, config.hidden());
        if (model.hasFalseLogits(x, y)) {
            throw new FailedException(Step.LOGITS, -1, t, "the claimed products are not those of the output matrix");
        }
        steps.logits(y, 0, s, model.outputScale(), logits, 0);
        if (rule.isKnown()) {
            int right = chooserAfter(t).choose(logits, 0, config.vocab(), t);
            if (right != next) {
                throw new FailedException(
                        Step.SAMPLING, -1, t, "token " + next + " was chosen where the rule gives " + right);
            }
        } else {
            isBlind = true;
        }
        if (Float.floatToRawIntBits(logits[next]) != Float.floatToRawIntBits(logit)) {
            throw new FailedException(Step.SAMPLING, -1, t, "the recorded logit is not that of the chosen token");
        }
    }

    /** One that has taken the answer's tokens up to position {@code t}. */
    private TokenChooser chooserAfter(int t) {
        if (chooser == null || chooserAt > t) {
            chooser = rule.begin();
            chooserAt = view.firstChoice();
        }
        while (chooserAt < t) {
            chooser.accept(view.chosenAfter(chooserAt++));
        }
        return chooser;
    }
}
