package io.plumbline.node.data;

import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.tensor.TensorManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A model as blobs. Its id is the id of its manifest, which names all the rest by hash. Beside these stand a few files
 * that the id does not bind, found by a pin that names the model: a node's answers and an auditor's verdicts do not
 * rest on them.
 *
 * @param files that the manifest names.
 * @param tensors of a language model; none of an ONNX model, whose weights are in its files.
 * @param bytes of all whose length the manifest says.
 */
record ModelParts(List<File> files, SortedMap<String, Manifest.Tensor> tensors, long bytes) {
    /**
     * Files beside the manifest's: the stop tokens that a gateway writes into requests; calibration of an ONNX model,
     * which its publisher answers for.
     */
    static final List<String> COMPANIONS = List.of("config.json", "plumbline.bounds", "plumbline.shapes");

    /** Largest of them that is taken. */
    static final long MOST_COMPANION_BYTES = 16L << 20;

    /** Largest file that is taken whose length the manifest does not say. */
    static final long MOST_FILE_BYTES = 64L << 20;

    static final String TENSORS_FILE = "model.safetensors";

    /** @param bytes -1 where the manifest does not say. */
    record File(String name, byte[] hash, long bytes) {}

    /**
     * Reads a manifest.
     *
     * @throws IllegalArgumentException where it is none.
     */
    static ModelParts parse(String manifest) {
        List<File> files = new ArrayList<>();
        if (TensorManifest.describes(manifest)) {
            TensorManifest.parse(manifest)
                    .files()
                    .forEach((name, file) -> files.add(new File(name, file.hash(), file.bytes())));
            return of(files, new TreeMap<>());
        }
        Manifest language = Manifest.parse(manifest);
        language.files().forEach((name, hash) -> files.add(new File(name, hash, -1)));
        return of(files, language.tensors());
    }

    private static ModelParts of(List<File> files, SortedMap<String, Manifest.Tensor> tensors) {
        try {
            long bytes = 0;
            for (File file : files) {
                bytes = Math.addExact(bytes, Math.max(0, file.bytes()));
            }
            for (Manifest.Tensor tensor : tensors.values()) {
                bytes = Math.addExact(bytes, tensor.bytes());
            }
            return new ModelParts(files, tensors, bytes);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("it names more bytes than there can be", e);
        }
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
