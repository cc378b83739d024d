package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.data.BlobJson;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.List;

/** {@code plumbline blob stat}. */
@Parameters(commandNames = "stat", commandDescription = "Say who has a blob, how large it is, and what it is kept for.")
final class StatCommand extends BlobIdCommand {
    @Override
    List<String> form() {
        return List.of("an ID");
    }

    @Override
    int run(Bytes32 id, List<String> more, BlobStore store) throws IOException {
        ArrayNode found = new ObjectMapper().createArrayNode();
        if (store != null) {
            BlobStat stat = store.stat(id);
            if (stat != null) {
                found.add(BlobJson.of(stat).put("place", store.folder().toString()));
            }
        }
        List<BlobNode> nodes = store == null ? places.requireNodes() : places.nodes();
        for (BlobNode node : nodes) {
            try {
                BlobNode.Remote remote = node.stat(id);
                ObjectNode json = found.addObject()
                        .put("id", id.toString())
                        .put("bytes", remote.bytes())
                        .put("present_bytes", remote.presentBytes())
                        .put("damaged", remote.isDamaged())
                        .put("place", node.name());
                ArrayNode pins = json.putArray("pins");
                remote.pins().forEach(pins::add);
            } catch (NoSuchBlobException e) {
                // The next one has it, perhaps.
            }
        }
        if (found.isEmpty()) {
            throw new NoSuchBlobException(
                    id,
                    store == null ? "any of " + names(nodes) : store.folder().toString());
        }
        if (json) {
            Terminal.print(found);
            return 0;
        }
        found.forEach(one -> Terminal.print(one.path("place").asText() + "  " + one.path("bytes") + " bytes"
                + (one.path("damaged").asBoolean() ? ", DAMAGED" : "")
                + (one.path("present_bytes").asLong(Long.MAX_VALUE)
                                < one.path("bytes").asLong()
                        ? ", " + one.path("present_bytes") + " of them have come"
                        : "")
                + (one.path("pins").isEmpty() ? ", not pinned" : ", pinned for " + one.path("pins"))));
        return 0;
    }

    private static String names(List<BlobNode> nodes) {
        return String.join(", ", nodes.stream().map(BlobNode::name).toList());
    }
}
