package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameters;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.List;

/** {@code plumbline blob rm}. */
@Parameters(commandNames = "rm", commandDescription = "Remove a blob, whatever it is kept for.")
final class RemoveCommand extends BlobIdCommand {
    @Override
    List<String> form() {
        return List.of("an ID");
    }

    @Override
    int run(Bytes32 id, List<String> more, BlobStore store) throws IOException {
        if (store != null) {
            store.delete(id);
        }
        for (BlobNode node : store == null ? places.requireNodes() : places.nodes()) {
            node.delete(id);
        }
        return 0;
    }
}
