package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.ModelById;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.cli.OperatorOptions;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code plumbline inference-node}. */
@Parameters(commandNames = "inference-node", commandDescription = "Run a model, sign receipts, answer challenges.")
public class InferenceNodeCommand extends RoleCommand {
    @Parameter(
            names = "--model",
            required = true,
            description = "DIR or ID: imported model, a language model or an ONNX model; by its id it is fetched from"
                    + " the network's data nodes")
    private Path model;

    @Parameter(names = "--port", description = "UDP port, 0 for any", validateValueWith = Bounds.Port.class)
    private int port;

    @ParametersDelegate
    private NodeOptions announced = new NodeOptions();

    @ParametersDelegate
    private ComputeOptions compute = new ComputeOptions();

    @ParametersDelegate
    private TensorOptions tensors = new TensorOptions();

    /** Run by its options. */
    public InferenceNodeCommand() {}

    /**
     * Run by another command, which has the same options.
     *
     * @param place where it runs, and as whom.
     * @param port UDP port, 0 for any.
     */
    public InferenceNodeCommand(
            Place place,
            OperatorOptions operator,
            int port,
            Path model,
            NodeOptions announced,
            ComputeOptions compute,
            TensorOptions tensors) {
        super(place, operator);
        this.port = port;
        this.model = model;
        this.announced = announced;
        this.compute = compute;
        this.tensors = tensors;
    }

    @Override
    List<Check> ownChecks() {
        List<Check> checks = new ArrayList<>(announced.checks());
        checks.addAll(compute.checks());
        checks.addAll(tensors.checks());
        checks.add(() -> {
            if (!ModelById.is(model)) {
                NamedPaths.requireFolder("--model", model);
            }
        });
        return checks;
    }

    @Override
    RunningRole open(Network on, KeyPair keys, FaultListener faults) throws IOException {
        announced.useProfile(compute);
        Path folder = ModelById.is(model) ? pulled(model, on) : model;
        InferenceNode.Serving serving = TensorPackage.isIn(folder)
                ? tensors.serving(folder, compute.device(), compute.threads(), this::computed)
                : InferenceNode.language(folder, compute.choice(), this::layers);
        InferenceNode.Context context =
                new InferenceNode.Context(dir, host, port, announced.stake(), announced.price(), announced.most());
        return InferenceNode.launch(on, keys, context, serving, events, faults);
    }

    /** Weights that a language model is computed with. */
    protected List<LoadedModel.Layer> layers(LoadedModel loaded) {
        return loaded.layers();
    }

    /** What an ONNX model is computed with. */
    protected LoadedTensorModel computed(LoadedTensorModel loaded, Precision precision) throws IOException {
        return loaded;
    }
}
