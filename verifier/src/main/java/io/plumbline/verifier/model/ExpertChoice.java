package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.ScalarMath;
import java.util.Arrays;

/**
 * Which experts a token goes to, and with what weights: from the router's logits on everything is integers, so engine
 * and auditor choose alike.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class ExpertChoice {
    private final Experts experts;
    private final float[] scores;
    private final float[] ranked;
    private final long[] weights;
    private final boolean[] isChosen;

    public ExpertChoice(Experts experts) {
        this.experts = experts;
        this.scores = new float[experts.count()];
        this.ranked = new float[experts.count()];
        this.weights = new long[experts.count()];
        this.isChosen = new boolean[experts.count()];
    }

    /**
     * Chooses by score descending, then by number ascending.
     *
     * @param logits one an expert; what stands behind them is no expert's.
     * @param bias added to scores for the choice; or null.
     * @param ids receives the chosen from {@code at}, ascending.
     * @param parts receives their weights from {@code at}.
     * @throws ArithmeticException where a score is no number.
     */
    public void choose(float[] logits, float[] bias, int[] ids, float[] parts, int at) {
        score(logits);
        long total = 0;
        for (int e = 0; e < experts.count(); e++) {
            weights[e] = (long) Math.rint(scores[e] * 0x1p30f);
            total += weights[e];
            // The choice goes by it: for a softmax the logits order as the weights do, and more finely.
            float rank = experts.scoring() == Experts.Scoring.SOFTMAX ? logits[e] : scores[e];
            ranked[e] = bias == null ? rank : rank + bias[e];
            if (Float.isNaN(ranked[e])) {
                throw new ArithmeticException("The router's score of expert " + e + " is no number.");
            }
        }
        Arrays.fill(isChosen, false);
        long ofChosen = 0;
        for (int i = 0; i < experts.chosen(); i++) {
            int best = best();
            isChosen[best] = true;
            ofChosen += weights[best];
        }
        float sum = (float) (experts.isRenormalized() ? ofChosen : total);
        boolean isSoftmax = experts.scoring() == Experts.Scoring.SOFTMAX;
        for (int e = 0, i = at; e < experts.count(); e++) {
            if (isChosen[e]) {
                ids[i] = e;
                boolean isDivided = experts.isRenormalized() || isSoftmax;
                float weight = isDivided ? divided((float) weights[e], sum) : (float) weights[e] * 0x1p-30f;
                parts[i++] = weight * experts.scale();
            }
        }
    }

    /** Scores of all experts, 0 to 1. */
    private void score(float[] logits) {
        if (experts.scoring() == Experts.Scoring.SIGMOID) {
            for (int e = 0; e < scores.length; e++) {
                float x = logits[e];
                float exp = ScalarMath.exp(-Math.abs(x));
                scores[e] = x >= 0 ? 1f / (1f + exp) : exp / (1f + exp);
            }
            return;
        }
        float max = Float.NEGATIVE_INFINITY;
        for (int e = 0; e < scores.length; e++) {
            max = Math.max(max, logits[e]);
        }
        for (int e = 0; e < scores.length; e++) {
            scores[e] = ScalarMath.exp(logits[e] - max);
        }
    }

    private int best() {
        int best = -1;
        for (int e = 0; e < ranked.length; e++) {
            if (!isChosen[e] && (best < 0 || ranked[e] > ranked[best])) {
                best = e;
            }
        }
        return best;
    }

    /** Where all weights are too small to be seen, so are the experts' outputs. */
    private static float divided(float weight, float sum) {
        return sum == 0 ? 0 : weight / sum;
    }
}
