package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.data.BlobJson;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline blob ls}. */
@Parameters(commandNames = "ls", commandDescription = "List blobs: id, bytes, what they are kept for.")
final class ListCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--json", description = "print one JSON object a line")
    private boolean json;

    @ParametersDelegate
    private BlobPlaces places = new BlobPlaces();

    @Override
    public Integer call() throws IOException {
        if (places.hasStore()) {
            try (BlobStore store = places.openStore()) {
                store.forEach(stat -> print(BlobJson.of(stat)));
            }
            return 0;
        }
        for (BlobNode node : places.requireNodes()) {
            JsonNode page = node.list(null);
            while (true) {
                page.path("list").forEach(this::print);
                if (!page.hasNonNull("next")) {
                    break;
                }
                page = node.list(BlobIds.parse(page.path("next").asText()));
            }
        }
        return 0;
    }

    private void print(JsonNode blob) {
        Terminal.print(
                json
                        ? blob
                        : blob.path("id").asText() + "  " + blob.path("bytes").asLong()
                                + (blob.path("damaged").asBoolean() ? "  DAMAGED" : "")
                                + (blob.path("pins").isEmpty() ? "" : "  " + blob.path("pins")));
    }
}
