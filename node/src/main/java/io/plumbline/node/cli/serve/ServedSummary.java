package io.plumbline.node.cli.serve;

import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TextEmbedder;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.serve.LocalModels;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The lines that an operator is shown once models are served: what they are, what fits, where they are reached, and
 * how a receipt is checked.
 *
 * @param folder of the key and the log.
 */
record ServedSummary(LocalModels models, Path folder, boolean isTls, boolean hasKeys, String host, int port) {
    void print() throws IOException {
        for (String name : models.folders().keySet()) {
            Path model = models.folders().get(name);
            if (TensorPackage.isIn(model)) {
                print(name, TensorPackage.open(model));
            } else {
                print(name, models.languages().get(name));
            }
        }
        String keys = hasKeys ? "with an API key of ./plumbline api-key new" : "any API key";
        Terminal.print("serves    " + base() + "/v1, which OpenAI's clients take as base URL; " + keys);
        Terminal.print("receipts  " + folder.resolve(ReceiptLog.FILE_NAME) + "; check one:");
        for (Path model : models.folders().values()) {
            Terminal.print("          ./plumbline audit RECEIPT --log " + folder + " --model " + model);
        }
        if (!models.languages().isEmpty()) {
            Terminal.print("try it    ./plumbline chat " + base() + "/v1"
                    + (models.languages().size() > 1 ? " --model NAME" : "") + ", or " + base() + " in a browser");
        }
    }

    private String base() {
        return (isTls ? "https://" + host : "http://localhost") + ":" + port;
    }

    private static void print(String name, LanguageEngine language) {
        Terminal.print("model     " + name + ", " + language.model().id());
        Terminal.print("computes  " + language.compute().describe());
        Terminal.print("fits      " + language.compute().capacity());
    }

    private void print(String name, TensorPackage model) throws IOException {
        Bytes32 id = model.manifest().id();
        Terminal.print("model     " + name + ", " + id);
        for (TensorEngine engine : models.tensors()) {
            if (engine.modelId().equals(id)) {
                Terminal.print("computes  " + engine.describe());
                Terminal.print("fits      " + engine.capacity());
            }
        }
        Terminal.print("at        " + base() + "/v2/models/" + name + "/infer, for clients of KServe and Triton"
                + (TextEmbedder.takes(model) ? "; " + base() + "/v1/embeddings" : ""));
    }
}
