package io.plumbline.verifier.model;

import java.util.ArrayList;
import java.util.List;

/**
 * Names and shapes of a model's tensors: those of Llama's checkpoints, and for norms of a part's output those of
 * GLM-4's. Import renames what other families call otherwise.
 */
public enum TensorNames {
    Q("self_attn.q_proj"),
    K("self_attn.k_proj"),
    V("self_attn.v_proj"),
    O("self_attn.o_proj"),
    GATE("mlp.gate_proj"),
    UP("mlp.up_proj"),
    DOWN("mlp.down_proj"),
    ATTENTION_GATE("self_attn.gate_proj"),
    LINEAR_QKV("linear_attn.in_proj_qkv"),
    LINEAR_GATE("linear_attn.in_proj_z"),
    LINEAR_OUT("linear_attn.out_proj"),
    PER_LAYER_INPUT("per_layer_model_projection"),
    PER_LAYER_GATE("per_layer_input_gate"),
    PER_LAYER_OUT("per_layer_projection");

    public static final String FINAL_NORM = "model.norm.weight";
    public static final String OUTPUT = "lm_head";

    /** Name of the tensor whose rows are the tokens' first residual. */
    public static final String EMBEDDING = "model.embed_tokens.weight";

    /** Name of the tensor whose rows are the tokens' embeddings of all layers, one behind the other. */
    public static final String PER_LAYER_EMBEDDING = "model.embed_tokens_per_layer.weight";

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

    /** Names of a layer's matrices that belong to no expert. */
    public static List<TensorNames> of(ModelConfig c, int layer) {
        List<TensorNames> names = new ArrayList<>();
        for (MatrixStack stack : MatrixStack.values()) {
            boolean isFeedForward = stack == MatrixStack.GATE_UP || stack == MatrixStack.DOWN;
            if (!isFeedForward || c.mlp(layer) > 0) {
                names.addAll(stack.parts(c, layer));
            }
        }
        return names;
    }

    public int rows(ModelConfig c, int layer) {
        return switch (this) {
            case Q, ATTENTION_GATE -> c.queryDim(layer);
            case K, V -> c.kvDim(layer);
            case O, DOWN, LINEAR_OUT, PER_LAYER_OUT -> c.hidden();
            case PER_LAYER_INPUT, PER_LAYER_GATE -> c.architecture().perLayer();
            case GATE, UP -> c.mlp(layer);
            case LINEAR_QKV -> c.architecture().delta().channels();
            case LINEAR_GATE -> c.architecture().delta().values();
        };
    }

    public int columns(ModelConfig c, int layer) {
        return switch (this) {
            case O -> c.queryDim(layer);
            case PER_LAYER_OUT -> c.architecture().perLayer();
            case DOWN -> c.mlp(layer);
            case LINEAR_OUT -> c.architecture().delta().values();
            default -> c.hidden();
        };
    }

    /**
     * Stem of a layer's router: the high digits of its 16-bit weights, a row an expert and one for the gate of the part
     * that all tokens go through where that has one, then the low ones.
     */
    public static String router(int layer) {
        return "model.layers." + layer + ".mlp.gate";
    }

    /** Name of the gate of the part that all tokens go through, as checkpoints have it: a row beside the router's. */
    public static String sharedGate(int layer) {
        return "model.layers." + layer + ".mlp.shared_expert_gate.weight";
    }

    /** Name of what is added to the router's scores for the choice. */
    public static String choiceBias(int layer) {
        return router(layer) + ".e_score_correction_bias";
    }

    /** Name of what is added to the router's logits. */
    public static String routerBias(int layer) {
        return router(layer) + ".bias";
    }

    /** Name of the sinks of a layer's query heads. */
    public static String sinks(int layer) {
        return "model.layers." + layer + ".self_attn.sinks";
    }

    /**
     * Stem of the matrix of linear attention's gates: the high digits of its 16-bit weights, a row for each value
     * head's update rate, then one for each one's decay; then the low ones.
     */
    public static String deltaGates(int layer) {
        return "model.layers." + layer + ".linear_attn.in_proj_ba";
    }

    /** Name of the taps of a layer's convolution, {@code [channel][tap]}. */
    public static String taps(int layer) {
        return "model.layers." + layer + ".linear_attn.conv1d.weight";
    }

    /** Name of the logarithms of what linear attention's decays are multiplied by, one a value head. */
    public static String decayLog(int layer) {
        return "model.layers." + layer + ".linear_attn.A_log";
    }

    /** Name of the biases of linear attention's decays, one a value head. */
    public static String decayBias(int layer) {
        return "model.layers." + layer + ".linear_attn.dt_bias";
    }

    /** Name of the norm of a value head's output. */
    public static String linearNorm(int layer) {
        return "model.layers." + layer + ".linear_attn.norm.weight";
    }

    /** Names of a layer's vectors of linear attention. */
    public static List<String> linearVectors(int layer) {
        return List.of(taps(layer), decayLog(layer), decayBias(layer), linearNorm(layer));
    }

    /** Elements of one of them. */
    public static int linearSize(ModelConfig config, String name) {
        DeltaRule delta = config.architecture().delta();
        if (name.endsWith(".conv1d.weight")) {
            return delta.channels() * delta.taps();
        }
        return name.endsWith(".norm.weight") ? delta.valueDim() : delta.valueHeads();
    }

    /** Stem of all experts' gate and up rows, expert by expert. */
    public static String expertGateUp(int layer) {
        return "model.layers." + layer + ".mlp.experts.gate_up_proj";
    }

    /** Stem of all experts' down rows, expert by expert. */
    public static String expertDown(int layer) {
        return "model.layers." + layer + ".mlp.experts.down_proj";
    }

    public boolean hasBias(ModelConfig c) {
        return switch (this) {
            case Q, K, V, ATTENTION_GATE -> c.qkvBias();
            case O -> c.architecture().outBias();
            case GATE, UP, DOWN -> c.architecture().mlpBias();
            case LINEAR_QKV, LINEAR_GATE, LINEAR_OUT, PER_LAYER_INPUT, PER_LAYER_GATE, PER_LAYER_OUT -> false;
        };
    }

    /** Name of its bias. */
    public String bias(int layer) {
        return in(layer) + ".bias";
    }

    /** Names of a layer's norms. */
    public static List<String> norms(ModelConfig config, int layer) {
        List<String> names = new ArrayList<>();
        if (config.architecture().norms().isBefore()) {
            names.add(attentionNorm(layer));
            names.add(mlpNorm(layer));
        }
        if (config.architecture().norms().isAfter()) {
            names.add(attentionOutNorm(layer));
            names.add(mlpOutNorm(layer));
        }
        if (config.qkNorm() && !config.isLinear(layer)) {
            names.add(queryNorm(layer));
            if (config.hasOwnKeys(layer)) {
                names.add(keyNorm(layer));
            }
        }
        if (config.hasExperts(layer) && config.architecture().experts().isApart()) {
            names.addAll(apartNorms(layer));
        }
        if (config.architecture().perLayer() > 0) {
            names.add(perLayerInputNorm(layer));
            names.add(perLayerOutNorm(layer));
        }
        return names;
    }

    /** Names of the norms of a mixture that stands apart: before router and experts, behind them and the other part. */
    static List<String> apartNorms(int layer) {
        return List.of(routerNorm(layer), expertsNorm(layer), expertsOutNorm(layer), sharedOutNorm(layer));
    }

    /** Of the residual before a router that stands apart. */
    public static String routerNorm(int layer) {
        return router(layer) + ".norm.weight";
    }

    /** Of the residual before experts that stand apart. */
    public static String expertsNorm(int layer) {
        return "model.layers." + layer + ".pre_experts_layernorm.weight";
    }

    /** Of what such experts give together. */
    public static String expertsOutNorm(int layer) {
        return "model.layers." + layer + ".post_experts_layernorm.weight";
    }

    /** Of what the part beside such experts gives. */
    public static String sharedOutNorm(int layer) {
        return "model.layers." + layer + ".post_shared_layernorm.weight";
    }

    /** Name of what the weight of each of such experts is multiplied by. */
    public static String weightScale(int layer) {
        return router(layer) + ".per_expert_scale";
    }

    /** Elements of a layer's norm of that name. */
    public static int normSize(ModelConfig config, int layer, String name) {
        if (name.equals(queryNorm(layer))) {
            return config.qkNormSize(layer, config.queryDim(layer));
        }
        if (name.equals(keyNorm(layer))) {
            return config.qkNormSize(layer, config.kvDim(layer));
        }
        return name.equals(perLayerInputNorm(layer)) ? config.architecture().perLayer() : config.hidden();
    }

    /** Of what a token's first residual is projected to for a layer's embedding. */
    public static String perLayerInputNorm(int layer) {
        return "model.layers." + layer + ".per_layer_projection_norm.weight";
    }

    /** Of what the residual gains by a layer's embedding. */
    public static String perLayerOutNorm(int layer) {
        return "model.layers." + layer + ".post_per_layer_input_norm.weight";
    }

    /** Name of the number that the residuals which leave a layer are multiplied by. */
    public static String layerScale(int layer) {
        return "model.layers." + layer + ".layer_scalar";
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

    /** Of attention's output. */
    public static String attentionOutNorm(int layer) {
        return "model.layers." + layer + ".post_self_attn_layernorm.weight";
    }

    /** Of the feed-forward part's output. */
    public static String mlpOutNorm(int layer) {
        return "model.layers." + layer + ".post_mlp_layernorm.weight";
    }

    public static String mlpNorm(int layer) {
        return "model.layers." + layer + ".post_attention_layernorm.weight";
    }
}
