package io.plumbline.verifier.model;

/**
 * The small parameters of a layer's own embedding of each token, P elements.
 *
 * @param inputScale row scales of the projection of the first residual, P.
 * @param inputGain norm of what it gives, P.
 * @param gateScale row scales of the gate, P.
 * @param outScale row scales of the projection back, hidden.
 * @param outGain norm of what that gives, hidden.
 */
public record PerLayerParameters(
        float[] inputScale, float[] inputGain, float[] gateScale, float[] outScale, float[] outGain) {}
