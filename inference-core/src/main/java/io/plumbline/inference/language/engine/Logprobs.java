package io.plumbline.inference.language.engine;

/**
 * How likely the model held a token and the likeliest ones to be, as natural logarithms: for people, in ordinary
 * floating point, and no part of what a receipt commits to.
 *
 * @param chosen of the token chosen.
 * @param tokens likeliest ones, best first.
 * @param values theirs.
 */
public record Logprobs(float chosen, int[] tokens, float[] values) {
    /**
     * From logits.
     *
     * @param top how many of the likeliest to name.
     */
    public static Logprobs of(float[] logits, int offset, int n, int token, int top) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Math.exp(logits[offset + i] - max);
        }
        double total = max + Math.log(sum);
        int[] best = new int[Math.min(top, n)];
        int found = 0;
        for (int i = 0; i < n && best.length > 0; i++) {
            if (found == best.length && logits[offset + i] <= logits[offset + best[found - 1]]) {
                continue;
            }
            int at = found < best.length ? found++ : found - 1;
            while (at > 0 && logits[offset + best[at - 1]] < logits[offset + i]) {
                best[at] = best[at - 1];
                at--;
            }
            best[at] = i;
        }
        float[] values = new float[best.length];
        for (int i = 0; i < best.length; i++) {
            values[i] = (float) (logits[offset + best[i]] - total);
        }
        return new Logprobs((float) (logits[offset + token] - total), best, values);
    }
}
