package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.data.store.BlobStore;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

/** {@code plumbline blob gc}. */
@Parameters(commandNames = "gc", commandDescription = "Remove blobs of a store that are not pinned.")
final class CollectCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--store", required = true, description = "DIR: a store that no data node has open")
    private Path store;

    @Parameter(names = "--older-than-hours", description = "those that came later stay, so that they can be pinned")
    private int hours = 1;

    @Override
    public Integer call() throws IOException {
        if (hours < 0) {
            throw new IOException("--older-than-hours is 0 or more.");
        }
        try (BlobStore opened = BlobStore.open(store, Long.MAX_VALUE)) {
            BlobStore.Collected collected = opened.collect(
                    System.currentTimeMillis() - Duration.ofHours(hours).toMillis());
            Terminal.print("removed  " + collected.blobs() + " blobs, " + collected.bytes() + " bytes");
        }
        return 0;
    }
}
