package io.plumbline.node.data;

import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.tensor.TensorManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a model is made of as blobs. Its id is the id of its manifest, which names all the rest by hash: files and, of a
 * language model, tensors. Beside these stand a few files that the id does not bind, found by a pin that names the
 * model: a node's answers and an auditor's verdicts do not rest on them.
 */
final class ModelParts {
    /**
     * Files beside the manifest's: the stop tokens that a gateway writes into requests; calibration of an ONNX model,
     * which its publisher answers for.
     */
    static final List<String> COMPANIONS = List.of("config.json", "plumbline.bounds", "plumbline.shapes");

    /** Largest of them that is taken. */
    static final long MOST_COMPANION_BYTES = 16L << 20;

    static final long MOST_MANIFEST_BYTES = 64L << 20;

    static final String TENSORS_FILE = "model.safetensors";

    private ModelParts() {}

    /** @param bytes -1 where the manifest does not say. */
    record File(String name, byte[] hash, long bytes) {}

    /** Files that a manifest names. */
    static List<File> files(String manifest) {
        List<File> files = new ArrayList<>();
        if (TensorManifest.describes(manifest)) {
            for (Map.Entry<String, TensorManifest.Content> file :
                    TensorManifest.parse(manifest).files().entrySet()) {
                files.add(new File(
                        file.getKey(), file.getValue().hash(), file.getValue().bytes()));
            }
        } else {
            for (Map.Entry<String, byte[]> file :
                    Manifest.parse(manifest).files().entrySet()) {
                files.add(new File(file.getKey(), file.getValue(), -1));
            }
        }
        return files;
    }

    /** Pin of all that belongs to a model. */
    static String pin(String modelId) {
        return "model " + modelId;
    }

    /** Pin by which a companion is found. */
    static String companionPin(String modelId, String name) {
        return "model " + modelId + " " + name;
    }
}
