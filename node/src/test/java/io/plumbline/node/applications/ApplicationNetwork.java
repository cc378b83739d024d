package io.plumbline.node.applications;

import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.onnx.MadeModel;
import io.plumbline.inference.tensor.onnx.MadeModel.Attribute;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.inference.TensorService;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.agrona.CloseHelper;

/**
 * A network in this process as applications meet it, behind its gateway: {@code stories} chats, {@code sentences}
 * embeds, and {@code mymodel} takes what the published examples of the Open Inference Protocol send.
 */
final class ApplicationNetwork implements AutoCloseable {
    private static final Path MODELS = Path.of("../models");
    private static final int FP32 = 1;
    private static final int INT64 = 7;
    private static final int BOOL = 9;
    private static final int UINT32 = 12;

    private final List<AutoCloseable> running = new ArrayList<>();
    private final Path folder;
    private final Path networkFile;
    private final KeyPair storyteller = KeyPair.random();
    private final Gateway gateway;

    ApplicationNetwork(Path folder) throws IOException {
        this.folder = folder;
        this.networkFile = folder.resolve("network.json");
        KeyPair full = KeyPair.random();
        KeyPair requester = KeyPair.random();
        KeyPair embedder = KeyPair.random();
        KeyPair tensors = KeyPair.random();
        Path stories = folder.resolve("stories");
        ModelImport.run(MODELS.resolve("plumbline-stories-2m"), stories, share -> {});
        TensorPackage sentences = calibrated(
                MODELS.resolve("plumbline-sentences/model.onnx"),
                "sentences",
                TensorJson.read(MODELS.resolve("plumbline-sentences/samples.json")));
        TensorPackage published = calibrated(publishedModel(), "mymodel", publishedInputs());
        List<Deposit> deposits = new ArrayList<>();
        for (KeyPair keys : List.of(storyteller, requester, embedder, tensors)) {
            deposits.add(new Deposit(keys.publicKey(), 100_000));
        }
        Network network = Network.onThisHost(new Genesis(List.of(full.publicKey()), deposits));
        network.write(networkFile);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        try {
            running.add(FullNode.launch(
                    network,
                    full,
                    new FullNode.Context(
                            List.of(stories, sentences.folder(), published.folder()),
                            folder.resolve("verifier.key"),
                            folder.resolve("full")),
                    events,
                    (code, why) -> {}));
            InferenceNode.Serving language =
                    InferenceNode.language(stories, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers);
            running.addFirst(InferenceNode.launch(
                    network,
                    storyteller,
                    new InferenceNode.Context(folder.resolve("storyteller"), "localhost", 0, 50_000, 2),
                    language,
                    events,
                    (code, why) -> {}));
            running.addFirst(node(network, embedder, "embedder", sentences, events));
            running.addFirst(node(network, tensors, "tensors", published, events));
            gateway = Gateway.launch(
                    network,
                    requester,
                    Map.of("stories", stories, "sentences", sentences.folder(), "mymodel", published.folder()),
                    new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                    events,
                    (code, why) -> {});
            running.addFirst(gateway);
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    private TensorPackage calibrated(Path file, String name, List<Tensor> inputs) throws IOException {
        TensorPackage model = TensorPackage.importModel(file, folder.resolve(name), share -> {});
        Calibration.Plan plan = new Calibration.Plan(List.of(inputs), 8, 1, List.of());
        model.keep(
                Calibration.run(model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}));
        return model;
    }

    /** output0[i][j] = input1[i] * (input0[0][j] + input0[1][j]). */
    private Path publishedModel() throws IOException {
        return MadeModel.of(17)
                .input("input0", UINT32, "2", "2")
                .input("input1", BOOL, "3")
                .output("output0", FP32, "3", "2")
                .constant("rows", INT64, new long[] {1}, 0)
                .constant("columns", INT64, new long[] {1}, 1)
                .node("Cast", "input0", "numbers", new Attribute("to", (long) FP32))
                .node("Cast", "input1", "flags", new Attribute("to", (long) FP32))
                .node("ReduceSum", "numbers,rows", "sums")
                .node("Unsqueeze", "flags,columns", "column")
                .node("MatMul", "column,sums", "output0")
                .write(folder.resolve("mymodel.onnx"));
    }

    private static List<Tensor> publishedInputs() {
        ByteBuffer numbers = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        numbers.putInt(1).putInt(2).putInt(3).putInt(4);
        return List.of(
                new Tensor("input0", ElementType.UINT32, new long[] {2, 2}, numbers.array()),
                new Tensor("input1", ElementType.BOOL, new long[] {3}, new byte[] {1, 0, 1}));
    }

    private InferenceNode node(Network network, KeyPair keys, String name, TensorPackage model, Events events)
            throws IOException {
        InferenceNode.Serving serving = (place, replies, isFullNode) -> {
            LoadedTensorModel loaded = Variants.reference(model);
            TensorEngine engine = new TensorEngine(
                    model,
                    loaded,
                    loaded.fingerprint(),
                    ShapeRanges.none(),
                    TensorScheduler.Limits.USUAL,
                    replies.keys(),
                    place.price(),
                    replies.events());
            return new TensorService(engine, replies, isFullNode);
        };
        return InferenceNode.launch(
                network,
                keys,
                new InferenceNode.Context(folder.resolve(name + "-node"), "localhost", 0, 50_000, 2),
                serving,
                events,
                (code, why) -> {});
    }

    /** Where HTTP is served, without a path. */
    String url() {
        return "http://localhost:" + gateway.port();
    }

    /** Where OpenAI's API is. */
    String base() {
        return url() + "/v1";
    }

    Path networkFile() {
        return networkFile;
    }

    /** Of the node that runs the language model. */
    byte[] storytellersKey() {
        return storyteller.publicKey().bytes();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(running);
    }
}
