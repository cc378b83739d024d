package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.beust.jcommander.converters.PathConverter;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.Upload;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline blob put}. */
@Parameters(commandNames = "put", commandDescription = "Keep a file: at each data node that is named, or in a store.")
final class PutCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "FILE", required = true, converter = PathConverter.class)
    private Path file;

    @Parameter(names = "--pin", description = "NAME of what it is kept for; blobs without a pin may be collected")
    private String pin = "put";

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @ParametersDelegate
    private BlobPlaces places = new BlobPlaces();

    @Override
    public Integer call() throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(file
                    + (Files.isDirectory(file)
                            ? " is a folder. Put its files one by one; a model's goes by: plumbline model push."
                            : " does not exist, or is no file."));
        }
        long bytes = Files.size(file);
        Bytes32 id = places.hasStore() ? keep(bytes) : null;
        List<BlobNode> nodes = places.hasStore() ? places.nodes() : places.requireNodes();
        if (!nodes.isEmpty()) {
            id = send(nodes, bytes);
        }
        Terminal.print(
                json
                        ? new ObjectMapper()
                                .createObjectNode()
                                .put("id", id.toString())
                                .put("bytes", bytes)
                        : id);
        return 0;
    }

    private Bytes32 keep(long bytes) throws IOException {
        try (BlobStore store = places.openStore();
                InputStream in = Files.newInputStream(file);
                ProgressBar bar = Bars.of("put", bytes)) {
            Bytes32 id = store.put(in, bar::stepBy);
            store.pin(id, pin);
            return id;
        }
    }

    private Bytes32 send(List<BlobNode> nodes, long bytes) throws IOException {
        FileBlob blob;
        try (ProgressBar bar = Bars.of("hash", bytes)) {
            blob = FileBlob.of(file, bar::stepBy);
        }
        try (blob) {
            for (BlobNode node : nodes) {
                try (ProgressBar bar = Bars.of("put " + node.name(), bytes)) {
                    new Upload(node, places.rate()).run(blob, bar::stepBy);
                    node.pin(blob.id(), pin);
                }
            }
            return blob.id();
        }
    }
}
