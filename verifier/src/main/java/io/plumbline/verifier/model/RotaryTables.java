package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.RopeTable;

/**
 * The rotary tables of a model's layers.
 *
 * @param full of layers with full attention.
 * @param local of local layers; the same where they have no frequencies and no heads of their own.
 */
public record RotaryTables(ModelConfig config, RopeTable full, RopeTable local) {
    /** Of all of a model's positions. */
    public static RotaryTables of(ModelConfig config) {
        return of(config, 0, config.maxPositions());
    }

    /**
     * Of {@code positions} positions from {@code first}.
     *
     * @param first 0 or more.
     * @param positions 0 or more.
     */
    public static RotaryTables of(ModelConfig config, int first, int positions) {
        RopeTable full = RopeTable.of(first, positions, config.rotaryDim(), config.rope());
        boolean isOne = config.localRope().equals(config.rope()) && config.localRotaryDim() == config.rotaryDim();
        RopeTable local = isOne ? full : RopeTable.of(first, positions, config.localRotaryDim(), config.localRope());
        return new RotaryTables(config, full, local);
    }

    /** That of a layer, or null where it rotates nothing. */
    public RopeTable layer(int layer) {
        if (!config.architecture().isRotary(layer)) {
            return null;
        }
        return config.architecture().isLocal(layer) ? local : full;
    }
}
