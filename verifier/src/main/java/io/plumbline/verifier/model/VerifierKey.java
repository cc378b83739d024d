package io.plumbline.verifier.model;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.freivalds.MatrixKey;
import java.util.ArrayList;
import java.util.List;

/**
 * What a full node keeps of a model in place of its weights: per matrix a secret {@link MatrixKey}, the small tensors
 * and the tokenizer. Tens of megabytes for a model of 8 GB. Secret: whoever knows it can forge products, so it never
 * leaves the node.
 */
public final class VerifierKey {
    private final TokenFiles tokenFiles;
    private final SmallTensors small;
    private final Bytes32 modelId;
    private final List<Layer> layers;
    private final float[] finalGain;
    private final float[] outputScale;
    private final MatrixKey output;
    private final RotaryTables rotary;

    /** One layer's keys, in the order of {@link LayerMatrix#of}. */
    public record Layer(LayerParameters parameters, List<MatrixKey> matrices) {}

    /** The key of a layer's matrix. */
    public MatrixKey matrix(int layer, MatrixStack stack, int expert) {
        return layers.get(layer).matrices().get(LayerMatrix.index(config(), layer, stack, expert));
    }

    /**
     * @param tokenFiles of the model: an auditor checks texts by them.
     * @param small tensors of all layers and of what follows them.
     * @param matrices keys of each layer's matrices, in the order of {@link LayerMatrix#of}.
     * @param output key of the output matrix.
     */
    public VerifierKey(TokenFiles tokenFiles, SmallTensors small, List<List<MatrixKey>> matrices, MatrixKey output) {
        this.tokenFiles = tokenFiles;
        this.small = small;
        this.modelId = small.manifest().id();
        List<Layer> all = new ArrayList<>();
        for (int l = 0; l < matrices.size(); l++) {
            all.add(new Layer(small.layer(l), List.copyOf(matrices.get(l))));
        }
        this.layers = List.copyOf(all);
        this.finalGain = small.finalGain();
        this.outputScale = small.outputScale();
        this.output = output;
        this.rotary = RotaryTables.of(config());
    }

    public Manifest manifest() {
        return small.manifest();
    }

    /** Hash of the manifest. */
    public Bytes32 modelId() {
        return modelId;
    }

    public ModelConfig config() {
        return manifest().config();
    }

    /** The model's tokenizer and chat template; not secret. */
    public TokenFiles tokenFiles() {
        return tokenFiles;
    }

    /** The model's small tensors; not secret. */
    public SmallTensors small() {
        return small;
    }

    /** In order. */
    public List<Layer> layers() {
        return layers;
    }

    /** Norm after the last layer. */
    public float[] finalGain() {
        return finalGain;
    }

    /** Row scales of the output matrix. */
    public float[] outputScale() {
        return outputScale;
    }

    /** Key of the output matrix. */
    public MatrixKey output() {
        return output;
    }

    public RotaryTables rotary() {
        return rotary;
    }

    /** Bytes of all secret vectors. */
    public long bytes() {
        return output.bytes()
                + layers.stream()
                        .flatMap(layer -> layer.matrices().stream())
                        .mapToLong(MatrixKey::bytes)
                        .sum();
    }
}
