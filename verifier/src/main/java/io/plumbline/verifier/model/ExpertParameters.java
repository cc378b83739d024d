package io.plumbline.verifier.model;

/**
 * The small parameters of a layer's mixture of experts.
 *
 * @param routerScale row scales of the router, one an expert.
 * @param routerBias added to scores for the choice, one an expert; or null.
 * @param gateUpScale of each expert, row scales of gate and up, one after the other.
 * @param downScale of each expert, row scales of down.
 */
public record ExpertParameters(float[] routerScale, float[] routerBias, float[][] gateUpScale, float[][] downScale) {}
