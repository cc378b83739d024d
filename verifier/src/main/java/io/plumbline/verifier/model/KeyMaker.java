package io.plumbline.verifier.model;

import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.SecretInts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * Makes a {@link VerifierKey} by streaming a model's weights once; every byte is checked against the manifest on the
 * way.
 */
public final class KeyMaker {
    private final Manifest manifest;
    private final ModelConfig config;
    private final TensorSource source;
    private final TokenFiles tokenFiles;
    private final SecretInts secrets = new SecretInts();

    /** @param tokenFiles of the manifest. */
    public KeyMaker(Manifest manifest, TensorSource source, TokenFiles tokenFiles) {
        this.tokenFiles = tokenFiles;
        this.manifest = manifest;
        this.config = manifest.config();
        this.source = source;
    }

    /**
     * The whole key.
     *
     * @param progress told the share done, 0 to 1.
     * @throws IOException naming the first tensor that is not the manifest's.
     */
    public VerifierKey make(DoubleConsumer progress) throws IOException {
        SmallTensors small = small();
        List<List<MatrixKey>> layers = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            layers.add(layer(layer));
            progress.accept((layer + 1.0) / (config.layers() + 1));
        }
        VerifierKey key = new VerifierKey(tokenFiles, small, layers, output());
        progress.accept(1);
        return key;
    }

    /** Everything that is not secret. */
    SmallTensors small() throws IOException {
        // The embedding has no key: its rows are opened against this hash.
        SmallTensors.verified(manifest, TensorNames.EMBEDDING, source);
        if (config.architecture().perLayer() > 0) {
            SmallTensors.verified(manifest, TensorNames.PER_LAYER_EMBEDDING, source);
        }
        List<String> names = new ArrayList<>(SmallTensors.lastNames());
        for (int layer = 0; layer < config.layers(); layer++) {
            names.addAll(SmallTensors.names(config, layer));
        }
        return SmallTensors.of(manifest, names, source);
    }

    /** Keys of one layer's matrices. */
    List<MatrixKey> layer(int layer) throws IOException {
        List<MatrixKey> keys = new ArrayList<>();
        Map<String, MemorySegment> verified = new HashMap<>();
        for (LayerMatrix matrix : LayerMatrix.of(config, layer)) {
            MatrixKey key = new MatrixKey(matrix.rows(), matrix.columns(), secrets);
            int row = 0;
            for (TensorRows part : matrix.parts()) {
                Manifest.Tensor tensor = manifest.matrix(matrix.stack(), part);
                // Experts stand in one tensor: it is hashed once.
                MemorySegment weights = verified.get(part.weight());
                if (weights == null) {
                    weights = SmallTensors.verified(manifest, part.weight(), source);
                    verified.put(part.weight(), weights);
                }
                add(key, part.weight(), tensor, row, part.rows(), weights, (long) part.first() * tensor.rowBytes());
                row += part.rows();
            }
            keys.add(key);
        }
        return keys;
    }

    /** Key of the output matrix. */
    MatrixKey output() throws IOException {
        String name = TensorNames.OUTPUT_WEIGHT;
        Manifest.Tensor tensor = manifest.matrix(name, config.vocab(), config.hidden());
        MatrixKey key = new MatrixKey(config.vocab(), config.hidden(), secrets);
        add(key, name, tensor, 0, config.vocab(), SmallTensors.verified(manifest, name, source), 0);
        return key;
    }

    private static void add(
            MatrixKey key, String name, Manifest.Tensor tensor, int row, int rows, MemorySegment weights, long offset)
            throws IOException {
        try {
            key.addRows(tensor.format(), row, rows, weights, offset);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "\"" + name + "\": " + e.getMessage() + ": no node can run this model exactly. Import the"
                            + " checkpoint again with this version.",
                    e);
        }
    }
}
