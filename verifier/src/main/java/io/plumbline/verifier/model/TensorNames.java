package io.plumbline.verifier.model;

/** Names and shapes of the published checkpoints' tensors. */
public enum TensorNames {
    Q("self_attn.q_proj"),
    K("self_attn.k_proj"),
    V("self_attn.v_proj"),
    O("self_attn.o_proj"),
    GATE("mlp.gate_proj"),
    UP("mlp.up_proj"),
    DOWN("mlp.down_proj");

    public static final String FINAL_NORM = "model.norm.weight";
    public static final String OUTPUT = "lm_head";

    /** Name of the tensor whose rows are the tokens' first residual. */
    public static final String EMBEDDING = "model.embed_tokens.weight";

    /** The output matrix's int8 weights and row scales. */
    public static final String OUTPUT_WEIGHT = OUTPUT + ".weight";

    public static final String OUTPUT_SCALE = OUTPUT + ".weight_scale";

    private final String stem;

    TensorNames(String stem) {
        this.stem = stem;
    }

    /** Name of this matrix's int8 weights. */
    public String weight(int layer) {
        return in(layer) + ".weight";
    }

    /** Name of its row scales. */
    public String scale(int layer) {
        return in(layer) + ".weight_scale";
    }

    /** Name without {@code .weight} or {@code .weight_scale}. */
    public String in(int layer) {
        return "model.layers." + layer + "." + stem;
    }

    public int rows(ModelConfig c) {
        return switch (this) {
            case Q -> c.queryDim();
            case K, V -> c.kvDim();
            case O, DOWN -> c.hidden();
            case GATE, UP -> c.mlp();
        };
    }

    public int columns(ModelConfig c) {
        return switch (this) {
            case O -> c.queryDim();
            case DOWN -> c.mlp();
            default -> c.hidden();
        };
    }

    public boolean hasBias(ModelConfig c) {
        return c.qkvBias() && (this == Q || this == K || this == V);
    }

    public static String queryNorm(int layer) {
        return "model.layers." + layer + ".self_attn.q_norm.weight";
    }

    public static String keyNorm(int layer) {
        return "model.layers." + layer + ".self_attn.k_norm.weight";
    }

    public static String attentionNorm(int layer) {
        return "model.layers." + layer + ".input_layernorm.weight";
    }

    public static String mlpNorm(int layer) {
        return "model.layers." + layer + ".post_attention_layernorm.weight";
    }
}
