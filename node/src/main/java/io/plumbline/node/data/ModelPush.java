package io.plumbline.node.data;

import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.ReadableBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Sends an imported model to a data node: whoever has its id then fetches it by {@link ModelPull}. */
public final class ModelPush {
    private final BlobNode node;
    private final Upload upload;
    private final Progress progress;

    private ModelPush(BlobNode node, RateLimit rate, Progress progress) {
        this.node = node;
        this.upload = new Upload(node, rate);
        this.progress = progress;
    }

    /** Bytes that {@link #run} tells of, about. */
    public static long bytes(Path folder) throws IOException {
        long bytes = 0;
        try (var files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(file);
            }
        }
        return bytes;
    }

    /**
     * Sends what the node lacks of a model.
     *
     * @param folder of an imported model, a language model or an ONNX model.
     * @param progress hears of bytes that the node has.
     * @return the model's id.
     * @throws IOException where a file is not what the manifest says: then the rest of it is not sent.
     */
    public static byte[] run(Path folder, BlobNode node, RateLimit rate, Progress progress) throws IOException {
        return new ModelPush(node, rate, progress).push(folder);
    }

    private byte[] push(Path folder) throws IOException {
        Path manifestFile = folder.resolve(Manifest.FILE_NAME);
        if (!Files.isRegularFile(manifestFile)) {
            throw new IOException(folder + " is no imported model. Import it first: plumbline model import.");
        }
        ModelParts parts = ModelParts.parse(Files.readString(manifestFile));
        byte[] id;
        try (FileBlob blob = FileBlob.of(manifestFile, Progress.none())) {
            id = blob.id().bytes();
            // Its parts come before the manifest: a node that has the manifest has the model.
            String pin = ModelParts.pin(Blake3.hex(id));
            for (ModelParts.File file : parts.files()) {
                try (FileBlob part = FileBlob.of(folder.resolve(file.name()), Progress.none())) {
                    send(part, file.hash(), file.name(), pin);
                }
            }
            if (!parts.tensors().isEmpty()) {
                sendTensors(folder, pin);
            }
            for (String name : ModelParts.COMPANIONS) {
                if (Files.isRegularFile(folder.resolve(name))) {
                    try (FileBlob part = FileBlob.of(folder.resolve(name), Progress.none())) {
                        send(part, part.id().bytes(), name, ModelParts.companionPin(Blake3.hex(id), name));
                    }
                }
            }
            send(blob, id, Manifest.FILE_NAME, pin);
        }
        return id;
    }

    private void sendTensors(Path folder, String pin) throws IOException {
        try (LoadedModel model = LoadedModel.open(folder)) {
            for (String name : model.manifest().tensors().keySet()) {
                try (MemoryBlob part = new MemoryBlob(model.tensor(name))) {
                    send(part, model.manifest().tensor(name).hash(), name, pin);
                }
            }
        }
    }

    private void send(ReadableBlob part, byte[] hash, String name, String pin) throws IOException {
        if (!Arrays.equals(part.id().bytes(), hash)) {
            throw new IOException("\"" + name + "\" hashes to " + part.id() + "; the manifest says " + Bytes32.of(hash)
                    + ". The model was changed or damaged: import it again.");
        }
        upload.run(part, progress);
        node.pin(part.id(), pin);
    }
}
