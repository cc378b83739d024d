package io.plumbline.verifier.model;

/**
 * The small parameters of a layer's gated delta rule.
 *
 * @param taps of the convolution, {@code [tap][channel]}, the oldest token's first.
 * @param decay of each value head: what the softplus is multiplied by, above 0.
 * @param decayBias of each value head, added before the softplus.
 * @param gateScale row scales of the products of update rates and decays, the rates' first.
 * @param gain of the norm of a value head's output, valueDim.
 */
public record DeltaParameters(float[] taps, float[] decay, float[] decayBias, float[] gateScale, float[] gain) {}
