package io.plumbline.verifier.model;

import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.numerics.RopeTable;
import java.util.List;

/**
 * What a full node keeps of a model in place of its weights: per matrix a secret {@link MatrixKey}, and the small parameters. Tens of
 * megabytes for a model of 8 GB. Secret: whoever knows it can forge products, so it never leaves the node.
 *
 * @param manifest of the model; its hash is the model id.
 * @param modelId that hash.
 * @param layers in order.
 * @param finalGain norm after the last layer.
 * @param outputScale row scales of the output matrix.
 * @param output key of the output matrix.
 * @param rope tables.
 */
public record VerifierKey(
        Manifest manifest,
        byte[] modelId,
        List<Layer> layers,
        float[] finalGain,
        float[] outputScale,
        MatrixKey output,
        RopeTable rope) {
    /** Name of the tensor whose rows are the tokens' first residual. */
    public static final String EMBEDDING = "model.embed_tokens.weight";

    /** One layer's keys. */
    public record Layer(LayerParameters parameters, MatrixKey qkv, MatrixKey out, MatrixKey gateUp, MatrixKey down) {
        private long bytes() {
            return qkv.bytes() + out.bytes() + gateUp.bytes() + down.bytes();
        }
    }

    public ModelConfig config() {
        return manifest.config();
    }

    /** Bytes of all secret vectors. */
    public long bytes() {
        return output.bytes() + layers.stream().mapToLong(Layer::bytes).sum();
    }
}
