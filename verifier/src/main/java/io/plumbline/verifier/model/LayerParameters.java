package io.plumbline.verifier.model;

/**
 * One layer's small parameters: everything but the int8 matrices. Row scales are one float for each output row; what a
 * model has not is null.
 *
 * @param attentionGain norm before attention, hidden.
 * @param attentionOutGain norm of attention's output, hidden.
 * @param mlpGain norm before the feed-forward part, hidden.
 * @param mlpOutGain norm of the feed-forward part's output, hidden.
 * @param qkvScale row scales of query, key and value projections, one after the other, and of the gate's behind them
 *     where there is one.
 * @param outScale row scales of the attention's output projection.
 * @param gateUpScale row scales of gate and up, one after the other.
 * @param downScale row scales of down.
 * @param qkvBias biases beside qkvScale.
 * @param outBias biases beside outScale.
 * @param gateUpBias biases beside gateUpScale.
 * @param downBias biases beside downScale.
 * @param queryGain query norm, {@link ModelConfig#qkNormSize} of all query elements.
 * @param keyGain key norm, the same of all key elements.
 * @param sinks one a query head.
 * @param experts of its mixture of experts.
 * @param delta of its gated delta rule.
 * @param perLayer of its own embedding of each token.
 * @param scale that the residuals which leave the layer are multiplied by.
 */
public record LayerParameters(
        float[] attentionGain,
        float[] attentionOutGain,
        float[] mlpGain,
        float[] mlpOutGain,
        float[] qkvScale,
        float[] outScale,
        float[] gateUpScale,
        float[] downScale,
        float[] qkvBias,
        float[] outBias,
        float[] gateUpBias,
        float[] downBias,
        float[] queryGain,
        float[] keyGain,
        float[] sinks,
        ExpertParameters experts,
        DeltaParameters delta,
        PerLayerParameters perLayer,
        float scale) {

    /** Of a plain architecture. */
    public LayerParameters(
            float[] attentionGain,
            float[] mlpGain,
            float[] qkvScale,
            float[] outScale,
            float[] gateUpScale,
            float[] downScale,
            float[] qkvBias,
            float[] queryGain,
            float[] keyGain) {
        this(
                attentionGain,
                null,
                mlpGain,
                null,
                qkvScale,
                outScale,
                gateUpScale,
                downScale,
                qkvBias,
                null,
                null,
                null,
                queryGain,
                keyGain,
                null,
                null,
                null,
                null,
                1);
    }

    /** The sink of a query head; negative infinity, which takes nothing, where there is none. */
    public float sink(int head) {
        return sinks == null ? Float.NEGATIVE_INFINITY : sinks[head];
    }
}
