package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.data.store.BlobIds;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.blob.Bars;
import io.plumbline.node.cli.blob.BlobPlaces;
import io.plumbline.node.data.ModelPull;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model pull}. */
@Parameters(
        commandNames = "pull",
        commandDescription = "Fetch a model from data nodes by its id, every byte checked as it arrives.")
final class PullCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "ID: of the model, as import and push print it", required = true)
    private String model;

    @Parameter(
            names = "--to",
            description = "DIR: to make; ~/.plumbline/models/ID, or where PLUMBLINE_MODELS says, where none is named")
    private Path to;

    @ParametersDelegate
    private BlobPlaces places = new BlobPlaces();

    @Override
    public Integer call() throws IOException {
        Bytes32 id;
        try {
            id = BlobIds.parse(model);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        Path folder = to == null ? TensorPackage.store().resolve(id.toString()) : to;
        try (ProgressBar bar = Bars.of("pull", 0)) {
            ModelPull.run(id, places.requireNodes(), places.rate(), folder, new ModelPull.Listener() {
                @Override
                public void begins(long bytes) {
                    bar.maxHint(bytes);
                }

                @Override
                public void more(long bytes) {
                    bar.stepBy(bytes);
                }

                @Override
                public void warn(String warning) {
                    System.err.println(Terminal.printable(warning));
                }
            });
        }
        Terminal.print(folder);
        return 0;
    }
}
