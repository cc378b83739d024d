package io.plumbline.node.data;

import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.safetensors.SafetensorsWriter.Declared;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ManifestText;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * Fetches a model by its id alone: the manifest, whose hash the id is, then what it names, each part checked as it
 * arrives and written where it belongs. The folder is there whole or not at all; a pull that was cut goes on where it
 * was.
 */
public final class ModelPull {
    /** Hears how far it is. */
    public interface Listener {
        /** All that is to come, known when the manifest is there. */
        void begins(long bytes);

        void more(long bytes);

        /** A source failed, and others go on. */
        void warn(String warning);
    }

    private final List<BlobNode> nodes;
    private final Download download;
    private final Listener listener;
    private final Bytes32 id;

    /** Where its parts are gathered. */
    private final Path folder;

    /** Files that say how much of each part is there. */
    private final Path states;

    private ModelPull(Bytes32 id, List<BlobNode> nodes, RateLimit rate, Path folder, Listener listener) {
        this.id = id;
        this.nodes = nodes;
        this.listener = listener;
        this.folder = folder;
        this.states = folder.resolve(".states");
        this.download = new Download(nodes, rate, listener::warn);
    }

    /**
     * Fetches a model.
     *
     * @param to folder to make; one that is there with this model is left as it is.
     * @throws NoSuchBlobException where no node has it.
     * @throws IOException where a part cannot be had; what has come is kept beside {@code to}.
     */
    public static void run(Bytes32 id, List<BlobNode> nodes, RateLimit rate, Path to, Listener listener)
            throws IOException {
        if (Files.exists(to)) {
            requireSame(id, to);
            return;
        }
        Path parent = to.toAbsolutePath().getParent();
        Files.createDirectories(parent);
        Path partial = parent.resolve(".pulling-" + id);
        ModelPull pull = new ModelPull(id, nodes, rate, partial, listener);
        Files.createDirectories(pull.states);
        pull.fetch();
        Directories.delete(pull.states);
        Files.move(partial, to, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void requireSame(Bytes32 id, Path folder) throws IOException {
        Path manifest = folder.resolve(Manifest.FILE_NAME);
        if (!Files.isRegularFile(manifest)
                || !Bytes32.of(Blake3.hash(Files.readAllBytes(manifest))).equals(id)) {
            throw new IOException(folder + " exists and is not model " + id + ". Name a folder that does not exist.");
        }
    }

    /** Without it nothing is begun. */
    private ModelParts parts() throws IOException {
        Path file = folder.resolve(Manifest.FILE_NAME);
        try {
            if (!Files.exists(file)) {
                file(id, bounded(id, ManifestText.MAX_BYTES, "a manifest"), file, Progress.none());
            }
            return ModelParts.parse(Files.readString(file));
        } catch (IllegalArgumentException | CharacterCodingException e) {
            Directories.delete(folder);
            throw new IOException("Blob " + id + " is no model: " + e.getMessage(), e);
        } catch (NoSuchBlobException e) {
            Directories.delete(folder);
            throw e;
        }
    }

    private void fetch() throws IOException {
        ModelParts parts = parts();
        long bytes = parts.bytes();
        if (Files.getFileStore(folder).getUsableSpace() < bytes - bytesHere()) {
            throw new IOException("Model " + id + " has " + bytes + " bytes; the disk of " + folder.getParent()
                    + " has not so many left.");
        }
        listener.begins(bytes);
        for (ModelParts.File file : parts.files()) {
            Path at = inside(file.name());
            if (!Files.exists(at)) {
                Bytes32 part = Bytes32.of(file.hash());
                long length = file.bytes() >= 0 ? file.bytes() : bounded(part, ModelParts.MOST_FILE_BYTES, file.name());
                file(part, length, at, listener::more);
            }
        }
        if (!parts.tensors().isEmpty()) {
            fetchTensors(parts.tensors());
        }
        for (String name : ModelParts.COMPANIONS) {
            companion(name);
        }
    }

    /** Bytes that an earlier pull left, holes in files left out as far as the system tells. */
    private long bytesHere() throws IOException {
        Path tensors = folder.resolve(ModelParts.TENSORS_FILE);
        return Files.exists(tensors) ? Files.size(tensors) : 0;
    }

    /** A file's place; a manifest of a stranger may name any. */
    private Path inside(String name) throws IOException {
        Path at = folder.resolve(name).normalize();
        if (!at.startsWith(folder) || at.equals(folder) || at.startsWith(states)) {
            throw new IOException("The model's manifest names \"" + name + "\", which is not in its folder.");
        }
        Files.createDirectories(at.getParent());
        return at;
    }

    private long bounded(Bytes32 part, long most, String what) throws IOException {
        long bytes = download.bytes(part);
        if (bytes > most) {
            throw new IOException("Blob " + part + " has " + bytes + " bytes; " + what + " has " + most + " at most.");
        }
        return bytes;
    }

    private void file(Bytes32 part, long bytes, Path to, Progress progress) throws IOException {
        try (PartialBlob blob = PartialBlob.besideFile(part, bytes, to)) {
            progress.more(blob.presentBytes());
            download.run(blob, progress);
        }
    }

    private void fetchTensors(SortedMap<String, Manifest.Tensor> tensors) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        tensors.forEach((name, tensor) ->
                declared.put(name, new Declared(tensor.storedType(), tensor.storedShape(), tensor.bytes())));
        byte[] header = SafetensorsWriter.header(declared);
        Path file = folder.resolve(ModelParts.TENSORS_FILE);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.wrap(header), 0);
        }
        long offset = header.length;
        int number = 0;
        for (Manifest.Tensor tensor : tensors.values()) {
            Bytes32 part = Bytes32.of(tensor.hash());
            Path state = states.resolve("tensor-" + number++);
            try (PartialBlob blob = PartialBlob.inFile(part, tensor.bytes(), file, offset, state)) {
                listener.more(blob.presentBytes());
                download.run(blob, listener::more);
            }
            offset += tensor.bytes();
        }
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
            out.force(true);
        }
    }

    /** A file that the id does not bind, the first that a node names and that can be had; none where none can. */
    private void companion(String name) throws IOException {
        Path to = folder.resolve(name);
        for (BlobNode node : nodes) {
            if (Files.exists(to)) {
                return;
            }
            try {
                List<Bytes32> found = node.pinned(ModelParts.companionPin(id.toString(), name));
                if (!found.isEmpty()) {
                    Bytes32 part = found.getFirst();
                    file(part, bounded(part, ModelParts.MOST_COMPANION_BYTES, name), to, Progress.none());
                }
            } catch (DiskFailedException e) {
                throw e;
            } catch (IOException e) {
                listener.warn(
                        name + " is asked of others, since " + node.name() + " does not give it: " + e.getMessage());
            }
        }
    }
}
