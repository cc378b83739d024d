package io.plumbline.verifier.model;

/**
 * The small parameters of a mixture that stands beside the part that all tokens go through, see
 * {@link Experts#isApart}. All but the last have hidden elements.
 *
 * @param router norm of the residual before the router.
 * @param input norm of it before the experts.
 * @param output norm of what the experts give together.
 * @param shared norm of what the other part gives.
 * @param weightScale what the weight of each expert is multiplied by.
 */
public record ExpertNorms(float[] router, float[] input, float[] output, float[] shared, float[] weightScale) {}
