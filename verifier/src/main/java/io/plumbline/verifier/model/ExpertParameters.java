package io.plumbline.verifier.model;

/**
 * The small parameters of a layer's mixture of experts. What a model has not is null.
 *
 * @param routerScale row scales of the router, one an expert.
 * @param choiceBias added to scores for the choice, one an expert.
 * @param routerBias added to the router's logits, one an expert.
 * @param gateUpScale of each expert, row scales of gate and up, one after the other.
 * @param downScale of each expert, row scales of down.
 * @param gateUpBias of each expert, biases beside gateUpScale.
 * @param downBias of each expert, biases beside downScale.
 * @param apart of a mixture that stands beside another part.
 */
public record ExpertParameters(
        float[] routerScale,
        float[] choiceBias,
        float[] routerBias,
        float[][] gateUpScale,
        float[][] downScale,
        float[][] gateUpBias,
        float[][] downBias,
        ExpertNorms apart) {
    float[] gateUpBias(int expert) {
        return gateUpBias == null ? null : gateUpBias[expert];
    }

    float[] downBias(int expert) {
        return downBias == null ? null : downBias[expert];
    }
}
