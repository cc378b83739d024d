package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** {@code plumbline inference-node}. */
@Parameters(commandNames = "inference-node", commandDescription = "Run a model, sign receipts, answer challenges.")
public class InferenceNodeCommand extends RoleCommand {
    @Parameter(
            names = "--model",
            required = true,
            description = "DIR: imported model, a language model or an ONNX model")
    private Path model;

    @Parameter(names = "--port", description = "UDP port, 0 for any")
    private int port;

    @Parameter(names = "--stake", description = "stake to put up")
    private long stake = 50_000;

    @Parameter(names = "--price", description = "price of a token, or of a row of an ONNX model's batch")
    private long price = 2;

    @Parameter(
            names = "--most-level",
            description = "the highest level at which it lets its answers be audited: SIGNED, AUDITED or FULL")
    private Level most = Level.FULL;

    @Parameter(names = "--profile", description = "FILE: hardware profiles to look in before the project's own")
    private Path profile;

    @ParametersDelegate
    private ComputeOptions compute = new ComputeOptions();

    @ParametersDelegate
    private TensorOptions tensors = new TensorOptions();

    @Override
    AutoCloseable open(Network on, KeyPair keys) throws IOException {
        compute.requireSound();
        if (most == Level.REPLAYED) {
            throw new IOException("--most-level is SIGNED, AUDITED or FULL.");
        }
        if (profile != null) {
            System.setProperty("plumbline.profile", profile.toString());
        }
        InferenceNode.Serving serving = TensorPackage.isIn(model)
                ? tensors.serving(model, compute.device(), compute.threads(), this::computed)
                : InferenceNode.language(model, compute.choice(), this::layers);
        return new InferenceNode(
                on, keys, new InferenceNode.Place(dir, host, port, stake, price, most), serving, events, this::fail);
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
