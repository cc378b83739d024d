package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** {@code plumbline model info}. */
@Parameters(commandNames = "info", commandDescription = "Show an imported model's id and shape.")
final class InfoCommand extends ImportedModelCommand {
    @Override
    void run(LoadedModel model) throws IOException {
        ModelConfig c = model.config();
        JsonNode config = HuggingFaceConfig.json(model.folder());
        Terminal.print("id       " + model.id());
        Terminal.print("family   " + config.path("architectures").path(0).asText("unknown"));
        Terminal.print("shape    hidden " + c.hidden() + ", layers " + c.layers() + ", heads " + c.heads()
                + ", kv heads " + c.kvHeads() + " of " + c.headDim() + ", mlp " + c.mlp() + ", vocabulary "
                + c.vocab());
        int made = config.path("max_position_embeddings").asInt(c.maxPositions());
        Terminal.print("context  " + c.maxPositions() + " tokens"
                + (made > c.maxPositions() ? " of the " + made + " that it was made for" : "")
                + (c.rope().scaling().equals(RopeScaling.NONE) ? "" : ", stretched"));
        try (ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            Terminal.print("ends at  "
                    + Arrays.stream(model.stopTokens())
                            .mapToObj(token -> token + " " + tokenizer.name(token))
                            .collect(Collectors.joining(", ")));
            Terminal.print("chat     "
                    + (tokenizer.hasTemplate()
                            ? "by its own template"
                                    + (tokenizer.promptsDependOnTheDay() ? ", which asks for the day" : "")
                            : "no template: messages are joined, and continued"));
        }
        Architecture a = c.architecture();
        if (!a.equals(Architecture.PLAIN)) {
            Terminal.print("layers  " + a.toFields());
        }
        Terminal.print("contract " + c.contractVersion());
        Terminal.print("details  " + (c.qkvBias() ? "qkv bias" : "no bias") + ", "
                + (c.qkNorm() ? "qk-norm" : "no qk-norm") + ", rope theta "
                + c.rope().theta());
        Set<String> formats = new TreeSet<>();
        for (Manifest.Tensor tensor : model.manifest().tensors().values()) {
            if (tensor.format() != null) {
                formats.add(tensor.dtype());
            }
        }
        Terminal.print("weights  " + String.join(", ", formats) + "; " + SpeedProbe.weightBytes(model) / 1_000_000
                + " MB read for a token, "
                + ((model.embeddingBytes().byteSize() + model.perLayerBytes().byteSize()) / 1_000_000)
                + " MB of embeddings");
        Terminal.print("here     " + Backend.all().stream().map(Backend::name).collect(Collectors.joining(", ")));
    }

    @Override
    void run(TensorPackage model) throws IOException {
        Terminal.print("id       " + model.manifest().id());
        TensorDescription.print(model);
    }
}
