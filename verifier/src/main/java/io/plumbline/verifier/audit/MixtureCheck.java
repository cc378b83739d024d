package io.plumbline.verifier.audit;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import java.util.Arrays;

/**
 * The check of a layer's mixture of experts: the router's products, then, of the experts that follow from them and of
 * no other, gate, up and down. A node that ran another expert cannot show its products.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class MixtureCheck {
    private final KnownModel model;
    private final WorkDigest work;
    private final LayerSteps steps;
    private final int hidden;
    private final Experts experts;
    private final byte[] digits;
    private final float[] digitScale = new float[OpeningCheck.TOGETHER];
    private final int[] routed;
    private final int[] ids;
    private final float[] weights;
    private final float[] shared = new float[OpeningCheck.TOGETHER];
    private final int routes;
    private final byte[] input;
    private final byte[] inner;
    private final int[] y;
    private final float[] sums;

    MixtureCheck(KnownModel model, WorkDigest work, LayerSteps steps) {
        ModelConfig config = model.manifest().config();
        this.model = model;
        this.work = work;
        this.steps = steps;
        this.hidden = config.hidden();
        this.experts = config.architecture().experts();
        int tokens = OpeningCheck.TOGETHER;
        this.digits = new byte[tokens * 2 * hidden];
        this.routes = config.routes();
        this.routed = new int[tokens * 4 * routes];
        this.ids = new int[tokens * experts.chosen()];
        this.weights = new float[tokens * experts.chosen()];
        this.input = new byte[hidden];
        this.inner = new byte[experts.mlp()];
        this.y = new int[Math.max(hidden, 2 * experts.mlp())];
        this.sums = new float[tokens * hidden];
    }

    /**
     * Checks {@code count} tokens from {@code from}, and sums up what their experts give.
     *
     * @param starts where each one's piece begins.
     * @param x their normed inputs, hidden bytes each.
     * @param scale of each.
     */
    void check(Opened o, int from, int count, long[] starts, OpeningLayout.Token[] parts, byte[] x, float[] scale)
            throws FailedException {
        route(o, from, count, starts, parts);
        Arrays.fill(sums, 0, count * hidden, 0f);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            float inputScale = scale[i];
            if (experts.isApart()) {
                inputScale = steps.normForExperts(o.parameters, o.h, (o.current - o.first) * hidden, input, 0);
            } else {
                System.arraycopy(x, i * hidden, input, 0, hidden);
            }
            work.take(input, hidden);
            for (int slot = 0; slot < experts.chosen(); slot++) {
                int at = i * experts.chosen() + slot;
                long gateUp = starts[i] + parts[i].expertGateUp() + 8L * experts.mlp() * slot;
                long down = starts[i] + parts[i].expertDown() + 4L * hidden * slot;
                expert(o, ids[at], weights[at], gateUp, down, inputScale, i * hidden);
            }
        }
    }

    private void route(Opened o, int from, int count, long[] starts, OpeningLayout.Token[] parts)
            throws FailedException {
        int products = 4 * routes;
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            int at = (o.current - o.first) * hidden;
            digitScale[i] = steps.normForRouter(o.parameters, o.h, at, digits, i * 2 * hidden);
            o.ints(starts[i] + parts[i].router(), products, routed, i * products);
        }
        work.take(digits, count * 2 * hidden);
        // Two rows a token: its inputs' high digits, and their low ones.
        int bad =
                model.firstFalse(o.cell.layer(), MatrixStack.ROUTER, LayerMatrix.NO_EXPERT, digits, routed, 2 * count);
        if (bad >= 0) {
            throw o.fail(Step.ROUTER, from + bad / 2, "the claimed products are not those of the model's router");
        }
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            shared[i] =
                    steps.route(o.parameters, routed, i * products, digitScale[i], ids, weights, i * experts.chosen());
        }
    }

    private void expert(Opened o, int expert, float weight, long gateUp, long down, float s, int sum)
            throws FailedException {
        int layer = o.cell.layer();
        o.ints(gateUp, 2 * experts.mlp(), y, 0);
        if (model.firstFalse(layer, MatrixStack.EXPERT_GATE_UP, expert, input, y, 1) >= 0) {
            throw o.fail(Step.GATE_UP, o.current, "the claimed products are not those of expert " + expert);
        }
        float innerScale = steps.expertGate(o.parameters, expert, y, 0, s, inner, 0);
        work.take(inner, experts.mlp());
        o.ints(down, hidden, y, 0);
        if (model.firstFalse(layer, MatrixStack.EXPERT_DOWN, expert, inner, y, 1) >= 0) {
            throw o.fail(Step.DOWN, o.current, "the claimed products are not those of expert " + expert);
        }
        steps.addExpert(o.parameters, expert, weight, y, 0, innerScale, sums, sum);
    }

    /**
     * Adds the sum of the {@code i}th token checked last to its residual, {@code at} in the opened.
     *
     * @param products of down of the part that all tokens go through, hidden a token; null where there is none.
     * @param s the scale of their input.
     */
    void addTo(Opened o, int i, int at, int[] products, float s) {
        if (products != null) {
            steps.addShared(o.parameters, shared[i], products, i * hidden, s, sums, i * hidden);
        }
        steps.addMixture(o.parameters, o.h, at, sums, i * hidden);
    }
}
