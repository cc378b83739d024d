package io.plumbline.inference.model;

import io.plumbline.verifier.model.ModelConfig;

/** Names and shapes of the published checkpoints' tensors. */
enum TensorNames {
    Q("self_attn.q_proj"),
    K("self_attn.k_proj"),
    V("self_attn.v_proj"),
    O("self_attn.o_proj"),
    GATE("mlp.gate_proj"),
    UP("mlp.up_proj"),
    DOWN("mlp.down_proj");

    static final String FINAL_NORM = "model.norm.weight";
    static final String OUTPUT = "lm_head";

    private final String stem;

    TensorNames(String stem) {
        this.stem = stem;
    }

    /** Name without {@code .weight} or {@code .weight_scale}. */
    String in(int layer) {
        return "model.layers." + layer + "." + stem;
    }

    int rows(ModelConfig c) {
        return switch (this) {
            case Q -> c.queryDim();
            case K, V -> c.kvDim();
            case O, DOWN -> c.hidden();
            case GATE, UP -> c.mlp();
        };
    }

    int columns(ModelConfig c) {
        return switch (this) {
            case O -> c.queryDim();
            case DOWN -> c.mlp();
            default -> c.hidden();
        };
    }

    boolean hasBias(ModelConfig c) {
        return c.qkvBias() && (this == Q || this == K || this == V);
    }

    static String queryNorm(int layer) {
        return "model.layers." + layer + ".self_attn.q_norm.weight";
    }

    static String keyNorm(int layer) {
        return "model.layers." + layer + ".self_attn.k_norm.weight";
    }

    static String attentionNorm(int layer) {
        return "model.layers." + layer + ".input_layernorm.weight";
    }

    static String mlpNorm(int layer) {
        return "model.layers." + layer + ".post_attention_layernorm.weight";
    }
}
