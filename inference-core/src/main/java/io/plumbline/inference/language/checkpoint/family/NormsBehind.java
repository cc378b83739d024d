package io.plumbline.inference.language.checkpoint.family;

/** Names of the norms in models that have them behind each part alone. */
final class NormsBehind {
    private NormsBehind() {}

    static TensorPlace place(String name) {
        LayerTensor tensor = LayerTensor.of(name);
        return switch (tensor == null ? "" : tensor.part()) {
            case "post_self_attn_layernorm" -> tensor.named("post_attention_layernorm");
            case "post_mlp_layernorm" -> tensor.named("post_feedforward_layernorm");
            default -> TensorPlace.of(name);
        };
    }
}
