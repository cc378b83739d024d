package io.plumbline.node.data;

import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.TensorSource;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tensors of a model that is not here, each fetched from data nodes when it is asked for, by its hash in the manifest:
 * for those who look at a matrix or two. They are gone when this is closed. Not for several threads at once.
 */
public final class PulledTensors implements TensorSource, AutoCloseable {
    private final Manifest manifest;
    private final Download download;
    private final Path folder;
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> pulled = new HashMap<>();

    /**
     * @param nodes at least one.
     * @param folder an empty one, removed afterwards.
     */
    public PulledTensors(Manifest manifest, List<BlobNode> nodes, Path folder) {
        this.manifest = manifest;
        this.download = new Download(nodes, RateLimit.none(), warning -> {});
        this.folder = folder;
    }

    @Override
    public MemorySegment tensor(String name) throws IOException {
        MemorySegment known = pulled.get(name);
        if (known != null) {
            return known;
        }
        Manifest.Tensor tensor = manifest.tensor(name);
        Bytes32 id = Bytes32.of(tensor.hash());
        Path file = folder.resolve(id.toString());
        try (PartialBlob blob = PartialBlob.besideFile(id, tensor.bytes(), file)) {
            download.run(blob, Progress.none());
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, tensor.bytes(), arena);
            pulled.put(name, mapped);
            return mapped;
        }
    }

    @Override
    public void close() {
        arena.close();
        Directories.discard(folder);
    }
}
