package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameters;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.List;

/** {@code plumbline blob unpin}. */
@Parameters(commandNames = "unpin", commandDescription = "Keep a blob no longer for something.")
final class UnpinCommand extends BlobIdCommand {
    @Override
    List<String> form() {
        return List.of("an ID", "the NAME of what it is kept for");
    }

    @Override
    int run(Bytes32 id, List<String> more, BlobStore store) throws IOException {
        if (store != null) {
            store.unpin(id, more.getFirst());
        }
        for (BlobNode node : store == null ? places.requireNodes() : places.nodes()) {
            node.unpin(id, more.getFirst());
        }
        return 0;
    }
}
