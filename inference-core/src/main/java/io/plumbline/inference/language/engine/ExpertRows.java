package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.util.Arrays;

/**
 * A batch's rows on their way through a mixture of experts: each row once for each expert that it goes to, all rows of
 * one expert one after the other, so that its weights are read once. Arrays grow with the largest batch.
 */
final class ExpertRows {
    private final Experts experts;
    private final int hidden;
    private final int routes;
    private int capacity;

    /** Both digits of each row's input to the router, {@code [rows][2][hidden]}, and their scales. */
    byte[] digits = new byte[0];

    float[] digitScales = new float[0];

    /** The weight of the part that all tokens go through, a number a row. */
    float[] shared = new float[0];

    /** The router's products, {@code [rows][4 * routes]}. */
    int[] routed = new int[0];

    /** Experts of each row, ascending, {@code [rows][chosen]}, and their weights. */
    int[] ids = new int[0];

    float[] weights = new float[0];

    /** Where among the gathered rows each row stands for each of its experts, {@code [rows][chosen]}. */
    int[] places = new int[0];

    /** Row and slot of each gathered one, as {@code row * chosen + slot}. */
    int[] origins = new int[0];

    /** Inputs of experts that stand apart, {@code [rows][hidden]}, and their scales. */
    byte[] own = new byte[0];

    float[] ownScales = new float[0];

    /** Gathered inputs, {@code [rows * chosen][hidden]}, and their scales. */
    byte[] inputs = new byte[0];

    float[] inputScales = new float[0];

    /** Products of gate and up, {@code [rows * chosen][2 * mlp]}. */
    int[] gateUp = new int[0];

    /** Inputs of down, {@code [rows * chosen][mlp]}, and their scales. */
    byte[] inner = new byte[0];

    float[] innerScales = new float[0];

    /** Products of down, {@code [rows * chosen][hidden]}. */
    int[] down = new int[0];

    /** Sums of the rows' experts' outputs, {@code [rows][hidden]}. */
    float[] sums = new float[0];

    /** Experts that have rows, ascending; and from where to where theirs stand. */
    final int[] used;

    final int[] firsts;
    private int usedCount;

    /** Where the next row of each expert goes, while rows are gathered. */
    private final int[] next;

    ExpertRows(ModelConfig config) {
        this.experts = config.architecture().experts();
        this.hidden = config.hidden();
        this.routes = config.routes();
        this.used = new int[experts.count()];
        this.firsts = new int[experts.count() + 1];
        this.next = new int[experts.count() + 1];
    }

    void reserve(int rows) {
        if (capacity >= rows) {
            return;
        }
        capacity = rows;
        int gathered = rows * experts.chosen();
        digits = new byte[rows * 2 * hidden];
        digitScales = new float[rows];
        shared = new float[rows];
        own = new byte[experts.isApart() ? rows * hidden : 0];
        ownScales = new float[rows];
        routed = new int[rows * 4 * routes];
        ids = new int[gathered];
        weights = new float[gathered];
        places = new int[gathered];
        origins = new int[gathered];
        inputs = new byte[gathered * hidden];
        inputScales = new float[gathered];
        gateUp = new int[gathered * 2 * experts.mlp()];
        inner = new byte[gathered * experts.mlp()];
        innerScales = new float[gathered];
        down = new int[gathered * hidden];
        sums = new float[rows * hidden];
    }

    /** Gathers the inputs of {@code rows} rows by the experts that were chosen for them. */
    void gather(int rows, byte[] x, float[] scales) {
        Arrays.fill(next, 0);
        int chosen = experts.chosen();
        for (int i = 0; i < rows * chosen; i++) {
            next[ids[i] + 1]++;
        }
        usedCount = 0;
        for (int e = 0; e < experts.count(); e++) {
            if (next[e + 1] > 0) {
                used[usedCount] = e;
                firsts[usedCount++] = next[e];
            }
            next[e + 1] += next[e];
        }
        firsts[usedCount] = rows * chosen;
        for (int i = 0; i < rows * chosen; i++) {
            int place = next[ids[i]]++;
            places[i] = place;
            origins[place] = i;
            System.arraycopy(x, i / chosen * hidden, inputs, place * hidden, hidden);
            inputScales[place] = scales[i / chosen];
        }
        Arrays.fill(sums, 0, rows * hidden, 0f);
    }

    /** Experts that have rows. */
    int usedCount() {
        return usedCount;
    }
}
