package io.plumbline.verifier.model;

/**
 * One layer's small parameters: everything but the int8 matrices. Row scales are one float for each output row.
 *
 * @param attentionGain norm before attention, hidden.
 * @param mlpGain norm before the feed-forward part, hidden.
 * @param qkvScale row scales of query, key and value projections, one after the other.
 * @param outScale row scales of the attention's output projection.
 * @param gateUpScale row scales of gate and up, one after the other.
 * @param downScale row scales of down.
 * @param qkvBias biases beside qkvScale, or null.
 * @param queryGain per-head query norm, headDim, or null.
 * @param keyGain per-head key norm, headDim, or null.
 */
public record LayerParameters(
        float[] attentionGain,
        float[] mlpGain,
        float[] qkvScale,
        float[] outScale,
        float[] gateUpScale,
        float[] downScale,
        float[] qkvBias,
        float[] queryGain,
        float[] keyGain) {}
