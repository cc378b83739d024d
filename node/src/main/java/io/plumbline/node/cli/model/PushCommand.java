package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.blob.Bars;
import io.plumbline.node.cli.blob.BlobPlaces;
import io.plumbline.node.data.ModelPush;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.blake3.Blake3;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model push}. */
@Parameters(
        commandNames = "push",
        commandDescription = "Send an imported model to each data node that is named; others then fetch it by its id.")
final class PushCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "DIR: imported model", required = true, converter = PathConverter.class)
    private Path folder;

    @ParametersDelegate
    private BlobPlaces places = new BlobPlaces();

    @Override
    public Integer call() throws IOException {
        byte[] id = null;
        for (BlobNode node : places.requireNodes()) {
            try (ProgressBar bar = Bars.of("push " + node.name(), ModelPush.bytes(folder))) {
                id = ModelPush.run(folder, node, places.rate(), bar::stepBy);
            }
        }
        Terminal.print(Blake3.hex(id));
        return 0;
    }
}
