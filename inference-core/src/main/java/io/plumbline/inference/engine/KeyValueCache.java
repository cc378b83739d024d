package io.plumbline.inference.engine;

import io.plumbline.verifier.model.ModelConfig;

/** Keys and values of one sequence: 12-bit keys in shorts, int8 values, one scale a head and token. The rows are what the trace commits to. */
public final class KeyValueCache {
    private final int capacity;
    private final Layer[] layers;

    /** One layer's rows: {@code k} and {@code v} token-major, scales head-major. */
    public record Layer(short[] k, byte[] v, float[][] sk, float[][] sv) {}

    /** @param tokens most tokens it will hold. */
    public KeyValueCache(ModelConfig config, int tokens) {
        this.capacity = tokens;
        this.layers = new Layer[config.layers()];
        for (int l = 0; l < layers.length; l++) {
            layers[l] = new Layer(
                    new short[tokens * config.kvDim()],
                    new byte[tokens * config.kvDim()],
                    new float[config.kvHeads()][tokens],
                    new float[config.kvHeads()][tokens]);
        }
    }

    public int capacity() {
        return capacity;
    }

    public Layer layer(int index) {
        return layers[index];
    }
}
