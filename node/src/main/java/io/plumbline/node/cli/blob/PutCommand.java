package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.beust.jcommander.converters.PathConverter;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.data.erasure.ReedSolomon;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedPut;
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
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline blob put}. */
@Parameters(commandNames = "put", commandDescription = "Keep a file: at each data node that is named, or in a store.")
final class PutCommand extends CommandOptions implements Callable<Integer> {
    private static final Pattern SHARDS = Pattern.compile("(\\d{1,3})\\+(\\d{1,3})");

    @Parameter(description = "FILE", required = true, converter = PathConverter.class)
    private Path file;

    @Parameter(names = "--pin", description = "NAME of what it is kept for; blobs without a pin may be collected")
    private String pin = "put";

    @Parameter(
            names = "--shards",
            description =
                    "K+M: in place of whole copies K shards of data and M of parity at K+M data nodes, any K of which"
                            + " give the file back, such as 4+2")
    private String shards;

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
        if (shards != null) {
            id = stripe(nodes, bytes);
        } else if (!nodes.isEmpty()) {
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
            return store.put(in, bar::stepBy, pin);
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

    private Bytes32 stripe(List<BlobNode> nodes, long bytes) throws IOException {
        Matcher form = SHARDS.matcher(shards);
        if (!form.matches()) {
            throw new IOException("--shards is K+M, such as 4+2, not \"" + shards + "\".");
        }
        int k = Integer.parseInt(form.group(1));
        int n = k + Integer.parseInt(form.group(2));
        if (k < 1 || n == k || n > ReedSolomon.MOST_SHARDS || n > nodes.size()) {
            throw new IOException("--shards " + shards + " needs 1 or more of each, and " + n + " data nodes; "
                    + nodes.size() + " are named.");
        }
        if (bytes < StripedBlob.LEAST_BYTES) {
            // Shards would be smaller than what is said of them: as many whole copies lose as many nodes.
            return send(nodes.subList(0, n - k + 1), bytes);
        }
        List<BlobNode> chosen = new ArrayList<>(nodes);
        Collections.shuffle(chosen);
        try (ProgressBar bar = Bars.of("put", n * StripedBlob.shardBytes(bytes, k))) {
            return StripedPut.run(file, chosen.subList(0, n), chosen, k, pin, places.rate(), bar::stepBy)
                    .id();
        }
    }
}
