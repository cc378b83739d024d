package io.plumbline.node.demo;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An inference node that computes with other weights than it declares, to be caught in demos. */
@Parameters(
        commandNames = "cheating-node",
        commandDescription = "Run an inference node that cheats, to see it caught.",
        hidden = true)
public final class CheatingNode extends InferenceNodeCommand {
    @Parameter(names = "--cheat-layer", description = "compute this layer with its neighbour's weights")
    private int cheatLayer = -1;

    @Parameter(names = "--cheat-model", description = "compute with this ONNX file in place of the model")
    private Path cheatModel;

    @Override
    protected List<LoadedModel.Layer> layers(LoadedModel loaded) {
        List<LoadedModel.Layer> layers = new ArrayList<>(loaded.layers());
        if (cheatLayer >= 0) {
            layers.set(cheatLayer, layers.get((cheatLayer + 1) % layers.size()));
        }
        return layers;
    }

    @Override
    protected LoadedTensorModel computed(LoadedTensorModel loaded, Precision precision) throws IOException {
        if (cheatModel == null) {
            return loaded;
        }
        loaded.close();
        return Variants.load(cheatModel, precision);
    }
}
